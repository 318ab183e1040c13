/* Faults in write and fsync without root: preloaded into the command under test.
 *
 * FAULT_DIR     only files below this folder are touched
 * SHORT_MAX=n   every write stores at most n bytes and says so
 * SHORT_AT=n    the n-th write stores half of its bytes and says so
 * FULL_AT=n     the n-th write stores half of its bytes; every later one fails with ENOSPC
 * LIE_AT=n      the n-th write stores nothing and says that it did
 * SYNC_FAIL=n   the n-th fsync or fdatasync fails with EIO
 * SYNC_SLEEP_MS=n  every fsync and fdatasync takes so much longer
 * FAULT_COUNT=p where to write, at the end, how many writes and fsyncs there were
 * SYNC_SKIP=f   fsync of files (f), of directories (d) or both (fd) is not done, but reported done
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int write_count, sync_count;

static int number(const char *name) {
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}

static int is_ours(int fd) {
    const char *folder = getenv("FAULT_DIR");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!folder || length < 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* Returns how many bytes to store, or -1 with errno set; LIES to store none and say it was done. */
#define LIES (-2)
static ssize_t allowed(int fd, size_t size) {
    if (!is_ours(fd) || size == 0) return (ssize_t)size;
    int count = __sync_add_and_fetch(&write_count, 1);
    if (number("LIE_AT") == count) return LIES;
    int most = number("SHORT_MAX"), half = number("SHORT_AT"), full = number("FULL_AT");
    if (full && count > full) { errno = ENOSPC; return -1; }
    if ((half && count == half) || (full && count == full)) return size > 1 ? size / 2 : size;
    if (most && size > (size_t)most) return most;
    return (ssize_t)size;
}

ssize_t write(int fd, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    ssize_t most = allowed(fd, size);
    if (most == LIES) return (ssize_t)size;
    return most < 0 ? -1 : real(fd, data, (size_t)most);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    ssize_t most = allowed(fd, size);
    if (most == LIES) return (ssize_t)size;
    return most < 0 ? -1 : real(fd, data, (size_t)most, at);
}

static int sync_with(const char *name, int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    struct stat info;
    const char *skip = getenv("SYNC_SKIP");
    if (!is_ours(fd)) return real(fd);
    int count = __sync_add_and_fetch(&sync_count, 1);
    usleep(number("SYNC_SLEEP_MS") * 1000);
    if (number("SYNC_FAIL") == count) { errno = EIO; return -1; }
    if (skip && fstat(fd, &info) == 0 && strchr(skip, S_ISDIR(info.st_mode) ? 'd' : 'f')) return 0;
    return real(fd);
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

/* At every kind of end: the interpreter under test may leave without its destructors. */
__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%d %d\n", write_count, sync_count);
        fclose(file);
    }
}

void _exit(int code) {
    void (*real)(int) __attribute__((noreturn)) = dlsym(RTLD_NEXT, "_exit");
    report();
    real(code);
}
