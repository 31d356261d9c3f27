/* Runs a target over every file of the folders that are its arguments. */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

static bool run_file(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return false;
    }
    FILE *file = fopen(path, "rb");
    size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size > 0 ? size : 1); /* no byte too long, so that a sanitizer sees a read past the end */
    if (file == NULL || bytes == NULL || fread(bytes, 1, size, file) != size) {
        fprintf(stderr, "cannot read %s\n", path);
        abort();
    }
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return true;
}

static int run_folder(const char *folder)
{
    struct dirent **list = NULL;
    int count = scandir(folder, &list, NULL, alphasort), run = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        run += run_file(path);
        free(list[i]);
    }
    free(list);
    return run;
}

int main(int argc, char **argv)
{
    int run = 0;
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        int in_folder = run_folder(argv[i]);
        if (in_folder == 0) {
            fprintf(stderr, "%s: no files\n", argv[i]);
            return EXIT_FAILURE;
        }
        run += in_folder;
    }
    printf("%d files\n", run);
    return run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
