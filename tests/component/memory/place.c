#include "place.h"

#include "../../unit/base/remove_tree.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char config_text[] =
    "// Every section has something in it.\n"
    "{\"realms\": [\"46\", \"47\"], \"time_zone\": \"Asia/Ho_Chi_Minh\", \"data_dir\": \"data\",\n"
    " \"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"},\n"
    " \"taxonomy\": \"taxonomy.jsonc\", \"indicators\": \"indicators.jsonc\", \"late_days\": 30,\n"
    " \"commit\": {\"interval_ms\": 60000}, \"journal\": {\"keep_days\": 36500, \"segment_bytes\": 65536},\n"
    " \"rejected\": {\"keep_days\": 36500},\n"
    " \"mqtt\": {\"server\": \"mqtts://127.0.0.1:8883\", \"client_id\": \"edutally-46\", \"username\": \"collector\",\n"
    "  \"password_file\": \"mqtt\", \"tls\": {\"ca_file\": \"ca.pem\"}},\n"
    " \"outputs\": [{\"name\": \"influx\", \"type\": \"influxdb1\", \"url\": \"http://127.0.0.1:8086/\", \"database\": "
    "\"e\"},\n"
    "  {\"name\": \"two\", \"type\": \"influxdb2\", \"url\": \"https://127.0.0.1:8087\", \"org\": \"o\", \"bucket\": "
    "\"b\",\n"
    "   \"token_file\": \"token\"}]}\n";

static const char areas_text[] = "code,name,level,parent,valid_from,valid_to,successor\n"
                                 "46,Province,province,,,,\n"
                                 "A,\"Commune, the first\",commune,46,,2025-07-01,N\n"
                                 "C,Commune C,commune,46,,,\n"
                                 "N,Commune N,commune,46,2025-07-01,,\n";

const char place_centres[] = "id,name,type,area,head_count,opened,closed\n"
                             "p-1,School 1,primary,A,100,2000-09-01,\n"
                             "p-2,\"School \"\"2\"\"\",primary,A,50,2000-09-01,\n"
                             "p-3,School 3,primary,C,40,2000-09-01,\n"
                             "p-4,School 4,primary,C,40,2000-09-01,2025-06-15\n"
                             "k-1,Preschool,preschool,C,30,2000-09-01,\n";

const char place_more_centres[] = "id,name,type,area,head_count,opened,closed\n"
                                  "p-1,School 1,primary,A,100,2000-09-01,\n"
                                  "p-2,\"School \"\"2\"\"\",primary,A,50,2000-09-01,\n"
                                  "p-3,School 3,primary,C,40,2000-09-01,\n"
                                  "p-4,School 4,primary,C,40,2000-09-01,2025-06-15\n"
                                  "k-1,Preschool,preschool,C,30,2000-09-01,\n"
                                  "p-9,School 9,primary,C,20,2000-09-01,\n";

static const char taxonomy_text[] =
    "{\"types\": {\"lesson.*\": \"teaching\", \"quiz.*\": \"learning\"},\n"
    " \"xapi\": {\"http://adlnet.gov/expapi/verbs/completed\": \"lesson.completed\"}}\n";

static const char indicators_text[] =
    "{\"indicators\": [{\"id\": \"digital\", \"name\": {\"vi\": \"So\", \"en\": \"Digital\"}, \"source\": \"test\",\n"
    "  \"centre_types\": [\"primary\"], \"period\": \"quarter\",\n"
    "  \"targets\": [{\"from\": \"2025-06-01\", \"value\": 0.5}],\n"
    "  \"rule\": {\"all\": [{\"activity\": \"teaching\", \"active_days\": {\"min\": 2}},\n"
    "    {\"any\": [{\"activity\": \"learning\", \"users_share\": {\"min\": 0.05}},\n"
    "             {\"not\": {\"activity\": \"learning\", \"users\": {\"max\": 2}}}]}]}},\n"
    " {\"id\": \"all-year\", \"name\": {\"vi\": \"Nam\", \"en\": \"Year\"}, \"centre_types\": [\"primary\", "
    "\"preschool\"],\n"
    "  \"period\": \"year\", \"targets\": [], \"rule\": {\"activity\": \"teaching\", \"users\": {\"min\": 1}}}]}\n";

const char place_faulty_config[] =
    "{\"realms\": [\"46\", \"46\", 7], \"time_zone\": \"Asia/Hue\", \"data_dri\": \"data\", \"data_dir\": \"data\",\n"
    " \"registry\": {\"centres\": \"centres.csv\", \"areas\": \"areas.csv\"},\n"
    " \"taxonomy\": \"taxonomy.jsonc\", \"indicators\": \"indicators.jsonc\", \"late_days\": -3,\n"
    " \"mqtt\": {\"server\": \"http://x\", \"username\": \"me\"},\n"
    " \"outputs\": [{\"name\": \"a\", \"type\": \"influxdb9\"}, {\"name\": \"a\", \"type\": \"influxdb2\", \"url\": "
    "\"x\"}]}\n";

const char place_faulty_areas[] = "code,name,level,parent,valid_from,valid_to,successor\n"
                                  "46,Province,province,,,,\n"
                                  "A,,commune,47,2025-13-01,2025-07-01,\n"
                                  "B,Commune B,Commune,46,,2025-07-01,X\n"
                                  "C,Commune \"C\",commune\n";

const char place_faulty_centres[] = "id,name,type,area,head_count,opened,closed\n"
                                    "p 1,School 1,primary,A,many,2000-09-01,\n"
                                    "p-2,School 2,primary,Z,50,2000-09-01,1999-01-01\n"
                                    "p-2,School 2,primary,B,50,2000-09-01,\n";

const char place_faulty_taxonomy[] =
    "{\"types\": {\"lesson.*\": \"teaching\", \"quiz*\": \"learning\"}, \"more\": 1}\n";

const char place_faulty_indicators[] =
    "{\"indicators\": [{\"id\": \"digital\", \"name\": {\"vi\": \"So\"}, \"centre_types\": [\"primery\"],\n"
    "  \"period\": \"week\", \"targets\": [{\"from\": \"2025-06-01\", \"value\": 5}],\n"
    "  \"rule\": {\"all\": [{\"activity\": \"teeching\", \"active_days\": {\"min\": 40}}]}}]}\n";

void place_write(const struct place *place, const char *file, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", place->directory, file);
    if (file_replace(path, text, strlen(text), 0640, NULL) != 0) {
        perror(path);
        abort();
    }
}

void place_make(struct place *place)
{
    /* In memory where there is such a directory: thousands of runs sync their files. */
    snprintf(place->directory, sizeof place->directory, "/dev/shm/edutally-memory-XXXXXX");
    if (mkdtemp(place->directory) == NULL) {
        snprintf(place->directory, sizeof place->directory, "/tmp/edutally-memory-XXXXXX");
        if (mkdtemp(place->directory) == NULL) {
            perror(place->directory);
            abort();
        }
    }
    snprintf(place->config, sizeof place->config, "%s/collector.jsonc", place->directory);
    place_write(place, "collector.jsonc", config_text);
    place_write(place, "areas.csv", areas_text);
    place_write(place, "centres.csv", place_centres);
    place_write(place, "taxonomy.jsonc", taxonomy_text);
    place_write(place, "indicators.jsonc", indicators_text);
}

void place_remove(const struct place *place)
{
    if (remove_tree(place->directory) != 0) {
        perror(place->directory);
        abort();
    }
}
