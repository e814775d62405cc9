/* Faults for tests, preloaded into a process: what a disk, a kernel limit or a watcher can do at any time.
 *
 *   FAULT_EIO=N        every Nth read at an offset answers EIO
 *   FAULT_WATCH=limit  no more watches (ENOSPC)
 *   FAULT_WATCH=deaf   a watch is given, and nothing is ever heard from it
 *   FAULT_NETWORK=1    every path lies on NFS
 *   FAULT_UNDER=PATH   what changes files below PATH is counted, for:
 *   FAULT_TRACE=FILE   each change is appended: kind, lengths of path and bytes, offset, path, bytes
 *   FAULT_DISK=N ERRNO the Nth change fails with that error, once
 *   FAULT_CLOCK=FILE   the clock is ahead by as many seconds as FILE says now
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
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

int clock_gettime(clockid_t clock, struct timespec *out) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, out);
    const char *file = getenv("FAULT_CLOCK");
    if (file && clock == CLOCK_REALTIME && done == 0) {
        char text[32] = "";
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, text, sizeof text - 1) < 0) abort();
        close(fd);
        out->tv_sec += atol(text);
    }
    return done;
}

/* Changes of files: one after the other, so that the trace is a history. */

static ssize_t (*real_write)(int, const void *, size_t);
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void put(int fd, const void *bytes, size_t length) {
    const char *from = bytes;
    while (length > 0) {
        ssize_t done = real_write(fd, from, length);
        if (done <= 0) abort();
        from += done;
        length -= (size_t)done;
    }
}

/* Whether a change of `path` is to fail now. `offset` and `bytes` mean what the kind says. */
static int change(char kind, const char *path, int64_t offset, const void *bytes, size_t length) {
    static int trace = -2;
    static unsigned long count, fail_at;
    static int error;
    const char *under = getenv("FAULT_UNDER");
    if (!under || strncmp(path, under, strlen(under)) != 0 || strstr(path, "-shm")) return 0;
    if (!real_write) real_write = dlsym(RTLD_NEXT, "write");
    if (trace == -2) {
        const char *file = getenv("FAULT_TRACE");
        trace = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
        const char *disk = getenv("FAULT_DISK");
        if (disk) sscanf(disk, "%lu %d", &fail_at, &error);
    }
    count++;
    if (fail_at && count == fail_at) return error;
    if (trace >= 0) {
        uint32_t lengths[2] = {(uint32_t)strlen(path), (uint32_t)length};
        put(trace, &kind, 1);
        put(trace, lengths, sizeof lengths);
        put(trace, &offset, sizeof offset);
        put(trace, path, lengths[0]);
        if (length) put(trace, bytes, length);
    }
    return 0;
}

static int change_of(char kind, int fd, int64_t offset, const void *bytes, size_t length) {
    char link[64], path[PATH_MAX];
    if (!getenv("FAULT_UNDER")) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t end = readlink(link, path, sizeof path - 1);
    if (end < 0) return 0;
    path[end] = 0;
    return change(kind, path, offset, bytes, length);
}

#define CHANGING(result, failure, name, kind, fd, offset, bytes, length, call)  \
    static __typeof__(name) *real;                                               \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);               \
    pthread_mutex_lock(&one);                                                    \
    int error = change_of(kind, fd, offset, bytes, length);                      \
    result done = failure;                                                       \
    if (error) errno = error; else done = call;                                  \
    error = errno;                                                               \
    pthread_mutex_unlock(&one);                                                  \
    errno = error;                                                               \
    return done

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    CHANGING(ssize_t, -1, pwrite64, 'w', fd, offset, bytes, length, real(fd, bytes, length, offset));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    CHANGING(ssize_t, -1, pwrite, 'w', fd, offset, bytes, length, real(fd, bytes, length, offset));
}

ssize_t write(int fd, const void *bytes, size_t length) {
    CHANGING(ssize_t, -1, write, 'w', fd, lseek(fd, 0, SEEK_CUR), bytes, length, real(fd, bytes, length));
}

int fsync(int fd) { CHANGING(int, -1, fsync, 's', fd, 0, NULL, 0, real(fd)); }

int fdatasync(int fd) { CHANGING(int, -1, fdatasync, 's', fd, 0, NULL, 0, real(fd)); }

int ftruncate64(int fd, off64_t length) { CHANGING(int, -1, ftruncate64, 't', fd, length, NULL, 0, real(fd, length)); }

int ftruncate(int fd, off_t length) { CHANGING(int, -1, ftruncate, 't', fd, length, NULL, 0, real(fd, length)); }

int unlink(const char *path) {
    static int (*real)(const char *);
    if (!real) real = dlsym(RTLD_NEXT, "unlink");
    pthread_mutex_lock(&one);
    int error = change('u', path, 0, NULL, 0);
    pthread_mutex_unlock(&one);
    if (error) { errno = error; return -1; }
    return real(path);
}

int rename(const char *from, const char *to) {
    static int (*real)(const char *, const char *);
    if (!real) real = dlsym(RTLD_NEXT, "rename");
    pthread_mutex_lock(&one);
    int error = change('r', from, 0, to, strlen(to));
    pthread_mutex_unlock(&one);
    if (error) { errno = error; return -1; }
    return real(from, to);
}
