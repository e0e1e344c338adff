/* SPDX-License-Identifier: Apache-2.0 */
/* See memfd.h. */
#include "io/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int memfd_new(const char *name, size_t size)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
        int e = errno;
        close(fd);
        return -e;
    }
    return fd;
}

int memfd_map(int fd, void **ret, size_t *ret_size)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size <= 0)
        return -EINVAL;
    size_t size = (size_t)st.st_size;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    if (madvise(p, size, MADV_DONTDUMP) < 0) {
        int e = errno;
        munmap(p, size);
        return -e;
    }
    *ret = p;
    *ret_size = size;
    return 0;
}

void memfd_unmap(void *p, size_t size)
{
    if (p)
        munmap(p, size);
}
