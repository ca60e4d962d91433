/* API keys. The file holds what they hash to and never a key. Invariant: how long a look takes says
 * nothing of the keys that there are. */
#include "base/check.h"
#include "conf/conf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

struct conf_key_hash conf_key_hash(struct span key)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct conf_key_hash out = {.hex = ""};
    CHECK(EVP_Digest(key.len == 0 ? "" : key.ptr, key.len, sum, &size, EVP_sha256(), NULL) == 1);
    CHECK(2 * size == CONF_KEY_HEX);
    for (size_t i = 0; i < size; i++) {
        out.hex[2 * i] = digits[sum[i] >> 4];
        out.hex[2 * i + 1] = digits[sum[i] & 15];
    }
    return out;
}

const struct conf_key *conf_find_key(const struct conf *conf, struct span key)
{
    const struct conf_key_hash hash = conf_key_hash(key);
    const struct conf_key *found = NULL;
    for (size_t i = 0; i < conf->key_count; i++)
        if (CRYPTO_memcmp(conf->keys[i].sha256, hash.hex, CONF_KEY_HEX) == 0)
            found = &conf->keys[i];
    return found;
}

const struct conf_key *conf_find_key_id(const struct conf *conf, struct span id)
{
    for (size_t i = 0; i < conf->key_count; i++)
        if (span_is(id, conf->keys[i].id))
            return &conf->keys[i];
    return NULL;
}
