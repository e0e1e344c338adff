/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a corpus as binary files into a directory, for libFuzzer: seeds CORPUS OUT. Called by
 * tests/fuzz/run. */
#include "corpus.h"

#include <stdio.h>
#include <stdlib.h>

struct seeds {
    const char *out;
    int count;
};

static void seed_write(const char *path, const uint8_t *data, size_t len, void *user)
{
    struct seeds *seeds = user;
    char name[4096];
    snprintf(name, sizeof(name), "%s/seed-%04d", seeds->out, seeds->count++);
    FILE *file = fopen(name, "wb");
    if (!file || fwrite(data, 1, len, file) != len || fclose(file) != 0) {
        fprintf(stderr, "%s: cannot write the seed of %s\n", name, path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: seeds CORPUS OUT\n");
        return 2;
    }
    struct seeds seeds = {argv[2], 0};
    return corpus_each(argv[1], seed_write, &seeds) > 0 ? 0 : 1;
}
