/*
 * Which connection carries which centre: a pool shared by all, or one for each centre with the centre's own
 * credential. Makes the identities that links_open needs.
 */
#ifndef SIM_GATEWAY_H
#define SIM_GATEWAY_H

#include "error.h"
#include "link.h"

#include <stdbool.h>
#include <stdint.h>

struct gateway_settings {
    const char *realm;
    uint32_t connections;      /* of the pool; at most one for each centre is used */
    const char *username;      /* of all; NULL: none */
    bool username_per_centre;  /* the user name is the centre's id, one connection for each */
    const char *password_file; /* one password, or lines "user:password"; NULL: none */
};

struct gateways {
    struct link_identity *identities;
    uint32_t count;
    char *passwords; /* the file's text, cut into lines */
    char **texts;    /* all other strings, to be freed */
    uint32_t text_count;
};

/* Centre i goes over connection i % count. Ids are borrowed until gateways_free. On 0 the caller frees. */
int gateways_make(const struct gateway_settings *settings, const char *const *centre_ids, uint32_t centre_count,
                  struct gateways *gateways, struct error *error);
void gateways_free(struct gateways *gateways);

static inline uint32_t gateway_of(const struct gateways *gateways, uint32_t centre)
{
    return centre % gateways->count;
}

#endif
