/* The first part of an AppImage (type 2): makes the squashfs image behind it visible, and becomes the program in it.
 *
 * The image is mounted by FUSE, for as long as a process uses it. Where that cannot be, it is unpacked once into the person's cache.
 * See https://github.com/AppImage/AppImageSpec/blob/master/draft.md; packaging/appimage.py puts the parts together.
 */

#define _GNU_SOURCE
#include <squashfuse/ll.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char self[PATH_MAX];  /* this file */
static char place[PATH_MAX]; /* where its image is to be seen */
static off_t image;          /* where the image begins in this file */

__attribute__((noreturn, format(printf, 1, 2))) static void leave(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(127);
}

__attribute__((format(printf, 2, 3))) static void path_of(char *target, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = vsnprintf(target, PATH_MAX, format, values);
    va_end(values);
    if (length >= PATH_MAX)
        leave("A path is too long for this system; put the AppImage into a folder nearer to the root.");
}

/* The section headers are the last thing in an ELF file, so that the image begins where they end. */
static off_t end_of_program(void)
{
    Elf64_Ehdr head;
    int file = open(self, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : read(file, &head, sizeof head);
    if (count != sizeof head)
        leave("“%s” cannot be read.", self);
    close(file);
    return (off_t)(head.e_shoff + (Elf64_Off)head.e_shentsize * head.e_shnum);
}

/* Mounting */

static int try_to_unmount(const char *tool)
{
    char *words[] = {(char *)tool, "-u", "-q", place, NULL};
    pid_t child;
    int status;
    if (posix_spawnp(&child, tool, NULL, NULL, words, environ) != 0 || waitpid(child, &status, 0) < 0)
        return 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Waits until the program has left, and then until no worker of it that goes on uses the image any more. */
static void *unmount_when_unused(void *pipe_end)
{
    char nothing;
    while (read(*(int *)pipe_end, &nothing, 1) < 0 && errno == EINTR)
        ;
    while (umount2(place, 0) != 0 && !try_to_unmount("fusermount3") && !try_to_unmount("fusermount"))
        sleep(1);
    return NULL;
}

static void serve(int ready, int alive)
{
    char *words[] = {"companion", "-o", "ro,nodev,nosuid,fsname=companion.AppImage,subtype=squashfuse"};
    struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
    struct fuse_lowlevel_ops operations = {
        .getattr = sqfs_ll_op_getattr, .opendir = sqfs_ll_op_opendir, .releasedir = sqfs_ll_op_releasedir,
        .readdir = sqfs_ll_op_readdir, .lookup = sqfs_ll_op_lookup,   .open = sqfs_ll_op_open,
        .release = sqfs_ll_op_release, .read = sqfs_ll_op_read,       .readlink = sqfs_ll_op_readlink,
        .forget = sqfs_ll_op_forget,   .statfs = stfs_ll_op_statfs,   .create = sqfs_ll_op_create,
    };
    sqfs_ll *files = sqfs_ll_open(self, (size_t)image);
    sqfs_ll_chan channel;
    pthread_t thread;
    if (!files || sqfs_ll_mount(&channel, place, &arguments, &operations, sizeof operations, files) != SQFS_OK)
        _exit(1);
    if (write(ready, "", 1) != 1 || pthread_create(&thread, NULL, unmount_when_unused, &alive) != 0) {
        sqfs_ll_unmount(&channel, place);
        _exit(1);
    }
    close(ready);
    fuse_session_loop(channel.session);
    rmdir(place);
    _exit(0);
}

/* Whether the image could be mounted. A process of its own serves it; it lives until the last copy of a pipe's end is closed
 * that this process keeps and gives to what it becomes. */
static int mounted(void)
{
    const char *folder = getenv("TMPDIR");
    int ready[2], alive[2];
    char nothing;
    path_of(place, "%s/.mount_companion-XXXXXX", folder && *folder == '/' ? folder : "/tmp");
    if (pipe2(ready, O_CLOEXEC) != 0 || pipe(alive) != 0 || !mkdtemp(place))
        return 0;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() != 0) /* nobody's child, so that the program does not find one that it has not started */
            _exit(0);
        close(alive[1]);
        int nowhere = open("/dev/null", O_RDWR);
        for (int stream = 0; stream < 3; stream++)
            dup2(nowhere, stream);
        if (chdir("/") == 0)
            serve(ready[1], alive[0]);
        _exit(1);
    }
    close(ready[1]);
    close(alive[0]);
    waitpid(child, NULL, 0);
    int is_there = child > 0 && read(ready[0], &nothing, 1) == 1;
    close(ready[0]);
    if (!is_there) {
        close(alive[1]);
        rmdir(place);
    }
    return is_there;
}

/* Unpacking */

static void write_file(sqfs *files, sqfs_inode *node, const char *path, mode_t mode)
{
    static char part[1 << 20];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    for (sqfs_off_t at = 0; file >= 0 && at < (sqfs_off_t)node->xtra.reg.file_size;) {
        sqfs_off_t size = sizeof part;
        if (sqfs_read_range(files, node, at, &size, part) != SQFS_OK || size <= 0)
            leave("“%s” is damaged; download it again.", self);
        if (write(file, part, (size_t)size) != size)
            leave("“%s” could not be written: %s. Make room and start again.", path, strerror(errno));
        at += size;
    }
    if (file < 0 || close(file) != 0)
        leave("“%s” could not be written: %s.", path, strerror(errno));
}

static void unpack(const char *target)
{
    sqfs files;
    sqfs_traverse walk;
    sqfs_err error;
    char path[PATH_MAX], link[PATH_MAX];
    if (sqfs_open_image(&files, self, (size_t)image) != SQFS_OK ||
        sqfs_traverse_open(&walk, &files, sqfs_inode_root(&files)) != SQFS_OK)
        leave("“%s” is damaged; download it again.", self);
    if (mkdir(target, 0755) != 0)
        leave("The folder “%s” could not be made: %s.", target, strerror(errno));
    while (sqfs_traverse_next(&walk, &error)) {
        sqfs_inode node;
        size_t size = sizeof link;
        if (walk.dir_end)
            continue;
        if (sqfs_inode_get(&files, &node, sqfs_dentry_inode(&walk.entry)) != SQFS_OK)
            leave("“%s” is damaged; download it again.", self);
        path_of(path, "%s/%s", target, walk.path);
        if (S_ISDIR(node.base.mode))
            error = mkdir(path, 0755) == 0 ? SQFS_OK : SQFS_ERR;
        else if (S_ISLNK(node.base.mode))
            error = sqfs_readlink(&files, &node, link, &size) == SQFS_OK && symlink(link, path) == 0 ? SQFS_OK : SQFS_ERR;
        else
            write_file(&files, &node, path, node.base.mode & 0777);
        if (error != SQFS_OK)
            leave("“%s” could not be made: %s.", path, strerror(errno));
    }
    if (error != SQFS_OK)
        leave("“%s” is damaged; download it again.", self);
    sqfs_traverse_close(&walk);
}

static int forget(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts, (void)kind, (void)where;
    return remove(path);
}

/* Into the cache, where the next start finds it; what an earlier version left there goes. */
static void unpack_once(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char base[PATH_MAX], parent[PATH_MAX], part[PATH_MAX], program[PATH_MAX];
    struct stat facts;
    if (cache && *cache == '/')
        path_of(base, "%s", cache);
    else if (home && *home == '/')
        path_of(base, "%s/.cache", home);
    else
        leave("HOME is not set, and this system cannot mount AppImages: there is nowhere to unpack it.");
    mkdir(base, 0700);
    path_of(parent, "%s/companion-appimage", base);
    if (stat(self, &facts) != 0)
        leave("“%s” cannot be read.", self);
    path_of(place, "%s/%lld-%lld", parent, (long long)facts.st_size, (long long)facts.st_mtime);
    path_of(program, "%s/AppRun", place);
    if (access(program, X_OK) == 0)
        return;
    nftw(parent, forget, 16, FTW_DEPTH | FTW_PHYS);
    mkdir(parent, 0700);
    fprintf(stderr, "This system cannot mount AppImages, so Companion is unpacked once into “%s”.\n", place);
    path_of(part, "%s.part-%d", place, (int)getpid());
    unpack(part);
    if (rename(part, place) != 0 && access(program, X_OK) != 0)
        leave("The folder “%s” could not be made: %s.", place, strerror(errno));
}

static int stay_mounted(void)
{
    sigset_t ends;
    int which;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    puts(place);
    fflush(stdout);
    sigwait(&ends, &which);
    return 0;
}

int main(int count, char **words)
{
    char program[PATH_MAX], folder[PATH_MAX];
    const char *wish = count > 1 ? words[1] : "";
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        leave("/proc is not there; it is needed to find the program.");
    image = end_of_program();
    if (strcmp(wish, "--appimage-offset") == 0)
        return printf("%lld\n", (long long)image) < 0;
    if (strcmp(wish, "--appimage-extract") == 0) {
        unpack("squashfs-root");
        return puts("squashfs-root") < 0;
    }
    if (strcmp(wish, "--appimage-mount") == 0)
        return mounted() ? stay_mounted() : (fputs("This system cannot mount AppImages (FUSE is missing).\n", stderr), 1);
    if (getenv("APPIMAGE_EXTRACT_AND_RUN") || !mounted())
        unpack_once();
    setenv("APPIMAGE", self, 1);
    setenv("APPDIR", place, 1);
    setenv("ARGV0", words[0], 1);
    if (getcwd(folder, sizeof folder))
        setenv("OWD", folder, 1);
    path_of(program, "%s/AppRun", place);
    execv(program, words);
    leave("“%s” could not be started: %s.", program, strerror(errno));
}
