/*
 * The page's files, which embed_assets has made part of the program. A name that holds a hash never changes its content
 * and may be kept for ever; everything else is asked for again and answered with 304 while it is the same.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static int by_path(const void *key, const void *element)
{
    const struct asset *asset = element;
    return strcmp(key, asset->path);
}

/* If-None-Match (RFC 9110, 13.1.2): a list of tags, or "*"; for GET the comparison is weak. */
bool etag_matches(const char *header, const char *etag)
{
    size_t length = strlen(etag);
    for (const char *at = header; at != NULL && *at != '\0'; at = strchr(at, ',')) {
        at += strspn(at, ", \t");
        if (*at == '*') {
            return true;
        }
        at += strncmp(at, "W/", 2) == 0 ? 2 : 0;
        if (strncmp(at, etag, length) == 0 && strchr(", \t", at[length]) != NULL) {
            return true;
        }
    }
    return false;
}

void answer_asset(struct call *call)
{
    const char *path = strcmp(call->request->path, "/") == 0 ? "/index.html" : call->request->path;
    const struct asset *asset = bsearch(path, assets, asset_count, sizeof *assets, by_path);
    if (asset == NULL) {
        call_problem(call, 404, "Not found", "there is nothing at %.128s; docs/api.md lists the routes", path);
        return;
    }
    struct answer *answer = call->answer;
    bool gzip = asset->gzip != NULL && accept_quality(call->request->accept_encoding, "gzip") > 0;
    answer->content_type = asset->content_type;
    answer->cache_control = asset->immutable ? "public, max-age=31536000, immutable" : "no-cache";
    answer->content_encoding = gzip ? "gzip" : NULL;
    answer->varies = asset->gzip != NULL;
    answer->etag = gzip ? asset->etag_gzip : asset->etag;
    answer->fixed = gzip ? asset->gzip : asset->bytes;
    answer->fixed_bytes = gzip ? asset->gzip_count : asset->count;
    if (etag_matches(call->request->if_none_match, answer->etag)) {
        answer->status = 304;
        answer->content_encoding = NULL;
        answer->fixed_bytes = 0;
    }
}
