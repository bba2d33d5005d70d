/* A server of a few lines for the units of src/stripe: each path misbehaves in its own way, and what arrived is noted
 * in memory that the test sees. Plain sockets, a process per connection, loopback only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BKS_STRIPE_STUB_H
#define BKS_STRIPE_STUB_H

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STUB_TEXT 8192

/* What the test sees of the server; the test sets the counts to 0 before a case. */
typedef struct {
    _Atomic int connections;
    _Atomic int requests;
    char text[3][STUB_TEXT]; /* the first requests, as they came */
} stub_notes_t;

typedef struct {
    int port;
    pid_t server;
    stub_notes_t *notes;
} stub_t;

/* Answers one request on FD, the NTH since the counts were set to 0. Returns whether the connection stays. */
typedef int stub_answer_fn(int fd, int nth, int port);

typedef struct {
    const char *path;
    stub_answer_fn *answer;
} stub_route_t;

static int stub_send(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* A whole answer in one write; HEADERS are complete lines. */
static int stub_reply(int fd, const char *status, const char *headers, const char *body)
{
    char text[4096];

    snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nRequest-Id: req_stub\r\nContent-Length: %zu\r\n%s\r\n%s", status,
             strlen(body), headers, body);
    return stub_send(fd, text);
}

/* A socket that listens on a loopback port of the system's choice, and that port. */
static int stub_listen(int backlog, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        abort();
    }
    *port = ntohs(address.sin_port);
    return fd;
}

/* Reads one request, headers and as much body as they announce; 0 at the end of the connection. */
__attribute__((unused)) static int stub_read(int fd, char *text)
{
    size_t length = 0;
    size_t wanted = STUB_TEXT - 1;

    while (length < wanted) {
        const ssize_t got = recv(fd, text + length, wanted - length, 0);
        const char *end;
        const char *announced;

        if (got <= 0) {
            return 0;
        }
        length += (size_t)got;
        text[length] = '\0';
        end = strstr(text, "\r\n\r\n");
        if (end) {
            announced = strstr(text, "Content-Length: ");
            wanted = (size_t)(end - text) + 4 + (announced ? (size_t)atoi(announced + 16) : 0);
        }
    }
    return 1;
}

__attribute__((unused)) static void stub_serve(int fd, const stub_t *stub, const stub_route_t *routes)
{
    char text[STUB_TEXT];
    int stays = 1;

    while (stays && stub_read(fd, text)) {
        const int nth = atomic_fetch_add(&stub->notes->requests, 1) + 1;
        const stub_route_t *route = routes;
        const char *path = strchr(text, ' ') + 1;

        if (nth <= 3) {
            memcpy(stub->notes->text[nth - 1], text, sizeof(text));
        }
        while (route->path && strncmp(path, route->path, strlen(route->path)) != 0) {
            route++;
        }
        stays = route->path ? route->answer(fd, nth, stub->port) : stub_reply(fd, "404 Not Found", "", "<html>");
    }
    close(fd);
}

/* Starts the server, which ends with stub_stop. ROUTES end with a NULL path. */
__attribute__((unused)) static stub_t stub_start(const stub_route_t *routes)
{
    stub_t stub;
    const int listener = stub_listen(64, &stub.port);

    stub.notes = mmap(NULL, sizeof(*stub.notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    stub.server = fork();
    if (stub.server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives the test, whatever ends that */
        setpgid(0, 0);
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
            const int fd = accept(listener, NULL, NULL);

            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(listener);
                atomic_fetch_add(&stub.notes->connections, 1);
                stub_serve(fd, &stub, routes);
                _exit(0);
            }
            close(fd);
        }
    }
    setpgid(stub.server, stub.server);
    close(listener);
    return stub;
}

__attribute__((unused)) static void stub_stop(const stub_t *stub)
{
    kill(-stub->server, SIGKILL);
    waitpid(stub->server, NULL, 0);
}

/* Until the other side goes away. */
__attribute__((unused)) static void stub_wait_for_end(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0) {
    }
}

#endif
