/* SHA-256 of several parts, each told apart from the next by its length. */
#include "api/digest.h"

#include "base/check.h"
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>

struct digest digest_of(const struct span *parts, size_t count)
{
    struct digest out = {.hex = ""};
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CHECK(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t length = parts[i].len;
        CHECK(EVP_DigestUpdate(context, &length, sizeof length) == 1);
        CHECK(EVP_DigestUpdate(context, parts[i].ptr, parts[i].len) == 1);
    }
    CHECK(EVP_DigestFinal_ex(context, sum, &size) == 1 && size == 32);
    EVP_MD_CTX_free(context);
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(out.hex + 2 * i, 3, "%02x", sum[i]);
    }
    return out;
}
