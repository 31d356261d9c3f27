/* Who asks, for all that is counted by address. */
#ifndef EDUTALLY_API_PEER_H
#define EDUTALLY_API_PEER_H

struct sockaddr;

/* An IPv6 address, the first half of it (what one customer gets); ::ffff:a.b.c.d for IPv4, whole. */
struct peer {
    unsigned char bytes[16];
};

/* All zero for what is neither, and for NULL. */
void peer_of(const struct sockaddr *address, struct peer *peer);

#endif
