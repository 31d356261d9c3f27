/* CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as in RFC 3720 appendix B.4. */
#ifndef EDUTALLY_BASE_CRC32C_H
#define EDUTALLY_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of `bytes` that follow data whose CRC is `crc`; 0 to begin. Safe from any thread. */
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t count);

#endif
