/* SPDX-License-Identifier: Apache-2.0 */
/* Files, shared memory, settings, clock, randomness. */
#include "namespace.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "io/clock.h"
#include "io/files.h"
#include "io/memfd.h"
#include "io/random.h"
#include "io/sysctl.h"

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/test-io-files.XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void file_is_replaced_whole(void **state)
{
    (void)state;
    char path[128], *data;
    size_t len;
    snprintf(path, sizeof(path), "%s/f", directory);
    assert_int_equal(file_read(path, 100, &data, &len), -ENOENT);
    for (size_t size = 0; size < 20000; size = size * 3 + 1) {
        char *content = malloc(size + 1);
        memset(content, 'x', size);
        assert_int_equal(file_write(path, bytes_of(content, size), 0640), 0);
        assert_int_equal(file_read(path, 20000, &data, &len), 0);
        assert_int_equal(len, size);
        assert_memory_equal(data, content, size);
        assert_int_equal(data[len], 0);
        free(data);
        free(content);
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(file_read(path, (size_t)st.st_size - 1, &data, &len), -EFBIG);
    unlink(path);
    snprintf(path, sizeof(path), "%s/none/f", directory);
    assert_int_equal(file_write(path, bytes_of("a", 1), 0600), -ENOENT);
}

static void memory_is_shared_and_cannot_shrink(void **state)
{
    (void)state;
    int fd = memfd_new("test", 1 << 20);
    assert_true(fd >= 0);
    void *a, *b;
    size_t size;
    assert_int_equal(memfd_map(fd, &a, &size), 0);
    assert_int_equal(size, 1 << 20);
    assert_int_equal(memfd_map(fd, &b, &size), 0);
    ((char *)a)[4096] = 42;
    assert_int_equal(((char *)b)[4096], 42);
    assert_int_equal(((char *)b)[0], 0);
    assert_int_equal(ftruncate(fd, 4096), -1);
    assert_int_equal(errno, EPERM);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_blocks * 512 <= 64 << 10); /* sparse */
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    memfd_unmap(a, size);
    memfd_unmap(b, size);
    close(fd);
    assert_int_equal(memfd_map(fd, &a, &size), -EBADF);
    fd = memfd_new("empty", 0);
    assert_int_equal(memfd_map(fd, &a, &size), -EINVAL);
    close(fd);
}

/* Keys must not get into a core dump: the kernel shows the flag as "dd". */
static void memory_stays_out_of_core_dumps(void **state)
{
    (void)state;
    int fd = memfd_new("secret-test", 1 << 16);
    void *p;
    size_t size, len;
    char *maps, *at;
    assert_int_equal(memfd_map(fd, &p, &size), 0);
    assert_int_equal(file_read("/proc/self/smaps", 64 << 20, &maps, &len), 0);
    at = strstr(maps, "secret-test");
    assert_non_null(at);
    at = strstr(at, "VmFlags:");
    assert_non_null(at);
    *strchr(at, '\n') = 0;
    assert_non_null(strstr(at, " dd"));
    free(maps);
    memfd_unmap(p, size);
    close(fd);
}

static void settings(void **state)
{
    (void)state;
    long value;
    assert_int_equal(sysctl_get("net/ipv4/ip_forward", &value), 0);
    assert_int_equal(sysctl_set("net/ipv4/ip_forward", 1), 0);
    assert_int_equal(sysctl_get("net/ipv4/ip_forward", &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(sysctl_interface_set("ipv4", "lo", "accept_local", 1), 0);
    assert_int_equal(sysctl_interface_get("ipv4", "lo", "accept_local", &value), 0);
    assert_int_equal(value, 1);
    static const struct {
        const char *name;
        int error;
    } bad[] = {{"net/ipv4/no_such_thing", -ENOENT}, {"net/../kernel/x", -EINVAL}, {"", -EISDIR}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(sysctl_set(bad[i].name, 1), bad[i].error);
    assert_int_equal(sysctl_interface_set("ipv4", "nodev0", "rp_filter", 1), -ENOENT);
    assert_int_equal(sysctl_interface_set("ipv4", "../lo", "rp_filter", 1), -EINVAL);
    char name[SYSCTL_NAME_MAX * 2];
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = 0;
    assert_int_equal(sysctl_get(name, &value), -ENAMETOOLONG);
    assert_int_equal(sysctl_interface_set("ipv4", "all", "rp_filter", 0), 0);
    assert_int_equal(sysctl_tun_prepare("lo"), 0);
    assert_int_equal(sysctl_interface_set("ipv4", "all", "rp_filter", 1), 0);
    assert_int_equal(sysctl_tun_prepare("lo"), -EPERM);
}

static void clock_goes_on(void **state)
{
    (void)state;
    ns a = clock_now();
    usleep(2000);
    ns b = clock_now();
    assert_true(b - a >= 2 * NS_PER_MS);
    assert_true(clock_wall_seconds() > 1600000000);
}

static void random_differs(void **state)
{
    (void)state;
    struct rng a, b;
    assert_int_equal(random_rng(&a), 0);
    assert_int_equal(random_rng(&b), 0);
    assert_true(rng_u64(&a) != rng_u64(&b));
}

static void descriptor_flags(void **state)
{
    (void)state;
    int fd = memfd_new("flags", 1);
    assert_int_equal(fd_set_nonblocking(fd, true), 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(fd_set_nonblocking(fd, false), 0);
    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(fd_set_cloexec(fd, false), 0);
    assert_false(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    assert_int_equal(fd_set_cloexec(fd, false), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_replaced_whole),
        cmocka_unit_test(memory_is_shared_and_cannot_shrink),
        cmocka_unit_test(memory_stays_out_of_core_dumps),
        cmocka_unit_test(settings),
        cmocka_unit_test(clock_goes_on),
        cmocka_unit_test(random_differs),
        cmocka_unit_test(descriptor_flags),
    };
    namespace_or_skip();
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
