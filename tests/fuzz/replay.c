/* Runs a fuzzer once over every file of the folders that it is given: the corpus as a regression
 * test, without libFuzzer. */
#include "base/mem.h"
#include "fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_MAX = 4 * 1024 * 1024 };

static void replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && size <= INPUT_MAX);
    uint8_t *data = mem_new_array(size + 1, 1);
    CHECK(fread(data, 1, size + 1, file) == size);
    CHECK(fclose(file) == 0);
    /* Exactly its size, so that ASan sees a read too far; malloc(0) may be NULL, so an empty input
     * is one that must not be read. */
    uint8_t *exact = size == 0 ? data + 1 : mem_new_array(size, 1);
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size); /* always 0 */
    if (size > 0)
        mem_free(exact);
    mem_free(data);
}

static int replay_folder(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct stat st;
        char *path = mem_printf("%s/%s", folder, entry->d_name);
        CHECK(stat(path, &st) == 0);
        if (S_ISREG(st.st_mode)) {
            replay_file(path, (size_t)st.st_size);
            count++;
        }
        mem_free(path);
    }
    CHECK(closedir(dir) == 0);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    (void)printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
