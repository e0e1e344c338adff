/* SPDX-License-Identifier: Apache-2.0 */
/* main() of a fuzz target in a build without libFuzzer: runs the target over every input of a corpus, over
 * inputs cut off and over inputs with single bytes changed, so that each ordinary test run repeats what
 * fuzzing found and a little more: replay [--variants N] CORPUS...; N of them for each input at most. Each
 * input lies in a block of exactly its size, where AddressSanitizer sees a read beyond it. */
#include "corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VARIANTS = 3000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned long runs, variants_most = VARIANTS;

static void run_once(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    if (len > 0)
        memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    runs++;
    free(copy);
}

static void run_variants(const char *path, const uint8_t *data, size_t len, void *user)
{
    static const uint8_t changes[] = {0x00, 0xff, 0x01, 0x80};
    (void)path;
    (void)user;
    run_once(data, len);
    size_t variants = len * (1 + sizeof(changes));
    if (variants_most == 0)
        return;
    size_t step = variants / variants_most + 1;
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    for (size_t v = 0; v < variants; v += step) {
        size_t at = v / (1 + sizeof(changes)), change = v % (1 + sizeof(changes));
        if (change == sizeof(changes)) {
            run_once(data, at);
            continue;
        }
        memcpy(copy, data, len);
        /* The first two replace a byte, the others flip a bit of it. */
        copy[at] = change < 2 ? changes[change] : copy[at] ^ changes[change];
        run_once(copy, len);
    }
    free(copy);
}

int main(int argc, char **argv)
{
    int files = 0, first = 1;
    if (argc > 2 && strcmp(argv[1], "--variants") == 0) {
        variants_most = strtoul(argv[2], NULL, 10);
        first = 3;
    }
    for (int i = first; i < argc; i++) {
        int n = corpus_each(argv[i], run_variants, NULL);
        if (n <= 0) {
            fprintf(stderr, "%s: no usable corpus\n", argv[i]);
            return 1;
        }
        files += n;
    }
    run_once(NULL, 0);
    printf("%d inputs, %lu runs\n", files, runs);
    return files > 0 ? 0 : 1;
}
