/* Faults for tests, preloaded into a process: what a disk, a kernel limit or a watcher can do at any time.
 *
 *   FAULT_EIO=N        every Nth read at an offset answers EIO
 *   FAULT_WATCH=limit  no more watches (ENOSPC)
 *   FAULT_WATCH=deaf   a watch is given, and nothing is ever heard from it
 *   FAULT_NETWORK=1    every path lies on NFS
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>

static int fails(void) {
    static atomic_ulong reads;
    static long every = -1;
    if (every < 0) {
        const char *text = getenv("FAULT_EIO");
        every = text ? atol(text) : 0;
    }
    return every > 0 && atomic_fetch_add(&reads, 1) % every == 0;
}

ssize_t preadv64(int fd, const struct iovec *parts, int count, off64_t offset) {
    static ssize_t (*real)(int, const struct iovec *, int, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "preadv64");
    if (fails()) { errno = EIO; return -1; }
    return real(fd, parts, count, offset);
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset) {
    return preadv64(fd, parts, count, offset);
}

ssize_t pread64(int fd, void *to, size_t length, off64_t offset) {
    static ssize_t (*real)(int, void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pread64");
    if (fails()) { errno = EIO; return -1; }
    return real(fd, to, length, offset);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask) {
    static int (*real)(int, const char *, uint32_t);
    static atomic_int next = 1000;
    const char *how = getenv("FAULT_WATCH");
    if (how && strcmp(how, "limit") == 0) { errno = ENOSPC; return -1; }
    if (how && strcmp(how, "deaf") == 0) return atomic_fetch_add(&next, 1);
    if (!real) real = dlsym(RTLD_NEXT, "inotify_add_watch");
    return real(fd, path, mask);
}

int statfs64(const char *path, struct statfs64 *out) {
    static int (*real)(const char *, struct statfs64 *);
    if (!real) real = dlsym(RTLD_NEXT, "statfs64");
    int done = real(path, out);
    if (getenv("FAULT_NETWORK")) out->f_type = 0x6969;
    return done;
}

int statfs(const char *path, struct statfs *out) {
    static int (*real)(const char *, struct statfs *);
    if (!real) real = dlsym(RTLD_NEXT, "statfs");
    int done = real(path, out);
    if (getenv("FAULT_NETWORK")) out->f_type = 0x6969;
    return done;
}
