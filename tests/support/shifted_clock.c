/*
 * The wall clock of a process, moved by a test. For LD_PRELOAD.
 *
 * SHIFTED_CLOCK names a file of 8 bytes, mapped by both sides: the time to show, in microseconds since 1970 (0: the real time). The
 * monotonic clocks stay what they are.
 *
 * An allocator asks for the time before any constructor has run: nothing here may allocate, and until the environment is there the
 * answer is the real time. Callers do not expect errno to change.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t *mapped;

static const int64_t *map_file(void)
{
    int before = errno;
    const char *path = environ == NULL ? NULL : getenv("SHIFTED_CLOCK");
    int file = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    void *found = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *mapped, PROT_READ, MAP_SHARED, file, 0);

    if (file >= 0)
        syscall(SYS_close, file);
    errno = before;
    if (found == MAP_FAILED)
        return NULL;
    __atomic_store_n(&mapped, (const int64_t *)found, __ATOMIC_RELEASE);
    return found;
}

static int64_t microseconds(void)
{
    const int64_t *file = __atomic_load_n(&mapped, __ATOMIC_ACQUIRE);
    int64_t shown = 0;
    struct timespec real;

    if (file != NULL || (file = map_file()) != NULL)
        shown = __atomic_load_n(file, __ATOMIC_ACQUIRE);
    if (shown != 0)
        return shown;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &real);
    return real.tv_sec * INT64_C(1000000) + real.tv_nsec / 1000;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    int64_t now = microseconds();

    (void)zone;
    to->tv_sec = now / 1000000;
    to->tv_usec = now % 1000000;
    return 0;
}

time_t time(time_t *to)
{
    time_t now = microseconds() / 1000000;

    if (to != NULL)
        *to = now;
    return now;
}

int clock_gettime(clockid_t clock, struct timespec *to)
{
    int64_t now;

    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, to);
    now = microseconds();
    to->tv_sec = now / 1000000;
    to->tv_nsec = now % 1000000 * 1000;
    return 0;
}
