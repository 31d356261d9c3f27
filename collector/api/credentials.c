/* The files that say who may ask and who we are: read at the start, and by those who check before it. */
#include "transport.h"

#include <stdlib.h>

int credentials_load_tls(const struct settings *settings, struct tls_files **out, struct error *error)
{
    *out = NULL;
    if (settings->http_cert_file == NULL) {
        return 0;
    }
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
        return error_set(error, ERROR_CONFIG, "http.tls: this libmicrohttpd was built without TLS; remove the setting");
    }
    struct tls_files *files = calloc(1, sizeof *files);
    if (files == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    int result = tls_files_load(files, settings->http_cert_file, settings->http_key_file, error);
    if (result != 0) {
        tls_files_free(files);
        free(files);
        return result;
    }
    *out = files;
    return 0;
}

void credentials_drop_tls(struct tls_files **files)
{
    if (*files != NULL) {
        tls_files_free(*files);
        free(*files);
        *files = NULL;
    }
}

int credentials_load_tokens(const struct settings *settings, struct tokens *tokens, struct error *error)
{
    *tokens = (struct tokens){0};
    if (settings->http_tokens_file == NULL) {
        return 0;
    }
    int result = tokens_load(tokens, settings->http_tokens_file, error);
    if (result == 0 && tokens->count == 0) {
        return error_set(error, ERROR_CONFIG, "%.160s has no token, so nobody may ask: make one, `edutally token new`",
                         settings->http_tokens_file);
    }
    return result;
}

int api_check_tokens(const struct settings *settings, size_t *count, struct error *error)
{
    struct tokens tokens;
    int result = credentials_load_tokens(settings, &tokens, error);
    *count = tokens.count;
    tokens_free(&tokens);
    return result;
}

int api_check_tls(const struct settings *settings, int64_t *expires_s, struct error *error)
{
    struct tls_files *files = NULL;
    int result = credentials_load_tls(settings, &files, error);
    *expires_s = files != NULL ? files->expires_s : 0;
    credentials_drop_tls(&files);
    return result;
}
