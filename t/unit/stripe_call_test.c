/* Units of src/stripe/{stripe,transport}.c against a small server that misbehaves: what each fault is called, what is
 * tried again and what not, time limits, connections.
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "stripe/stripe.h"
#include "stripe/transport.h"
#include "stripe_stub.h"
#include "tap.h"

#define JSON_HEAD "Content-Type: application/json\r\n"
#define STRIPE_ERROR(members) "{\"error\":{" members "}}"
#define THREADS 6
#define CALLS 25

/* What the server does. */

static int answer_ok(int fd, int nth, int port)
{
    (void)nth, (void)port;
    return stub_reply(fd, "200 OK", JSON_HEAD, "{\"id\":\"pi_1\"}");
}

static int answer_nothing(int fd, int nth, int port)
{
    (void)fd, (void)nth, (void)port;
    return 0;
}

static int answer_silence(int fd, int nth, int port)
{
    (void)nth, (void)port;
    stub_wait_for_end(fd);
    return 0;
}

static int answer_half(int fd, int nth, int port)
{
    (void)nth, (void)port;
    stub_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":\"pi_1\"");
    return 0;
}

static int answer_flood(int fd, int nth, int port)
{
    static char megabyte[1024 * 1024 + 1];

    (void)nth, (void)port;
    memset(megabyte, ' ', sizeof(megabyte) - 1);
    stub_send(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 10 && stub_send(fd, megabyte); i++) {
    }
    return 0;
}

static int answer_header_flood(int fd, int nth, int port)
{
    (void)nth, (void)port;
    stub_send(fd, "HTTP/1.1 200 OK\r\n");
    while (stub_send(fd, "X-Filler: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n")) {
    }
    return 0;
}

static int answer_redirect(int fd, int nth, int port)
{
    char headers[200];

    (void)nth;
    snprintf(headers, sizeof(headers), "Location: http://127.0.0.1:%d/v1/ok\r\n", port);
    return stub_reply(fd, "302 Found", headers, "");
}

/* A byte at a time, until the client has had enough. */
static int answer_trickle(int fd, int nth, int port)
{
    struct pollfd gone = {.fd = fd, .events = POLLIN};

    (void)nth, (void)port;
    stub_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (poll(&gone, 1, 100) == 0 && stub_send(fd, " ")) {
    }
    return 0;
}

static int answer_500_once(int fd, int nth, int port)
{
    return nth == 1 ? stub_reply(fd, "500 Oops", "", STRIPE_ERROR("\"type\":\"api_error\"")) : answer_ok(fd, nth, port);
}

static int answer_lock_once(int fd, int nth, int port)
{
    return nth == 1 ? stub_reply(fd, "429 Wait", "", STRIPE_ERROR("\"code\":\"lock_timeout\""))
                    : answer_ok(fd, nth, port);
}

static int answer_409_once(int fd, int nth, int port)
{
    return nth == 1 ? stub_reply(fd, "409 Conflict", "", STRIPE_ERROR("\"code\":\"idempotency_key_in_use\""))
                    : answer_ok(fd, nth, port);
}

static int answer_limit(int fd, int nth, int port)
{
    (void)nth, (void)port;
    return stub_reply(fd, "429 Wait", "Retry-After: 9\r\n", STRIPE_ERROR("\"code\":\"rate_limit\""));
}

static int answer_500_then_limit(int fd, int nth, int port)
{
    return nth == 1 ? answer_500_once(fd, nth, port) : answer_limit(fd, nth, port);
}

static int answer_dont_retry(int fd, int nth, int port)
{
    (void)nth, (void)port;
    return stub_reply(fd, "500 Oops", "Stripe-Should-Retry: false\r\n", STRIPE_ERROR("\"type\":\"api_error\""));
}

static int answer_do_retry_once(int fd, int nth, int port)
{
    return nth == 1 ? stub_reply(fd, "400 Bad", "stripe-should-retry:true\r\n", STRIPE_ERROR("\"type\":\"x\""))
                    : answer_ok(fd, nth, port);
}

static int answer_replayed(int fd, int nth, int port)
{
    (void)nth, (void)port;
    return stub_reply(fd, "500 Oops", "Idempotent-Replayed: true\r\n", STRIPE_ERROR("\"type\":\"api_error\""));
}

static int answer_wait(int fd, int nth, int port)
{
    (void)nth, (void)port;
    return stub_reply(fd, "503 Later", "Retry-After: 30\r\n", STRIPE_ERROR("\"type\":\"api_error\""));
}

static int answer_html(int fd, int nth, int port)
{
    (void)nth, (void)port;
    return stub_reply(fd, "200 OK", "Stripe-Should-Retry: false\r\n", "<html>Sorry</html>");
}

static int answer_array(int fd, int nth, int port)
{
    (void)nth, (void)port;
    return stub_reply(fd, "200 OK", "Stripe-Should-Retry: false\r\n" JSON_HEAD, "[1]");
}

static int answer_decline(int fd, int nth, int port)
{
    (void)nth, (void)port;
    return stub_reply(fd, "402 Pay", "",
                      STRIPE_ERROR("\"type\":\"card_error\",\"code\":\"card_declined\",\"message\":\"Declined.\""));
}

static int answer_interim(int fd, int nth, int port)
{
    stub_send(fd, "HTTP/1.1 103 Early Hints\r\nRequest-Id: req_early\r\nIdempotent-Replayed: true\r\n\r\n");
    return answer_ok(fd, nth, port);
}

/* Promises to keep the connection, and drops it. */
static int answer_ok_and_close(int fd, int nth, int port)
{
    answer_ok(fd, nth, port);
    return 0;
}

/* Answers the first request, drops the connection when the second one comes on it. */
static int answer_first_alone(int fd, int nth, int port)
{
    return nth == 2 ? 0 : answer_ok(fd, nth, port);
}

static const stub_route_t routes[] = {
    {"/v1/ok", answer_ok},
    {"/v1/nothing", answer_nothing},
    {"/v1/silence", answer_silence},
    {"/v1/half", answer_half},
    {"/v1/flood", answer_flood},
    {"/v1/headers", answer_header_flood},
    {"/v1/redirect", answer_redirect},
    {"/v1/trickle", answer_trickle},
    {"/v1/once_500", answer_500_once},
    {"/v1/once_lock", answer_lock_once},
    {"/v1/once_409", answer_409_once},
    {"/v1/limit", answer_limit},
    {"/v1/then_limit", answer_500_then_limit},
    {"/v1/dont_retry", answer_dont_retry},
    {"/v1/do_retry", answer_do_retry_once},
    {"/v1/replayed", answer_replayed},
    {"/v1/wait", answer_wait},
    {"/v1/html", answer_html},
    {"/v1/array", answer_array},
    {"/v1/decline", answer_decline},
    {"/v1/interim", answer_interim},
    {"/v1/and_close", answer_ok_and_close},
    {"/v1/first_alone", answer_first_alone},
    {NULL, NULL},
};

/* What the test does. */

typedef struct {
    stub_t stub;
    bks_stripe_t *stripe;
    apr_pool_t *pool;
    bks_stripe_answer_t *answer; /* of the last call */
    const bks_error_t *error;
    bks_timing_t timing;
} bench_t;

static char logged[64 * 1024];

static void write_log(void *baton, bks_log_level_t level, const char *line)
{
    const size_t length = strlen(logged);

    (void)baton, (void)level;
    snprintf(logged + length, sizeof(logged) - length, "%s\n", line);
}

static const bks_log_t log_all = {write_log, NULL};

static bks_stripe_t *make_logging_client(int port, int connect_ms, int total_ms, bks_gate_t *gate, const bks_log_t *log,
                                         apr_pool_t *pool)
{
    bks_stripe_settings_t settings = {.secret_key = "sk_test_sandbox", .connect_ms = connect_ms, .total_ms = total_ms};
    bks_stripe_t *stripe = NULL;

    settings.api_base = apr_psprintf(pool, "http://127.0.0.1:%d", port);
    return bks_stripe_make(&stripe, &settings, gate, log, pool) ? NULL : stripe;
}

static bks_stripe_t *make_client(int port, int connect_ms, int total_ms, bks_gate_t *gate, apr_pool_t *pool)
{
    return make_logging_client(port, connect_ms, total_ms, gate, &log_all, pool);
}

static int took_ms(const bench_t *bench)
{
    return (int)apr_time_as_msec(bench->timing.stripe);
}

/* Posts to PATH through STRIPE, the server's counts at 0 before. */
static void post_by(bench_t *bench, bks_stripe_t *stripe, const char *path)
{
    const bks_stripe_request_t request = {.method = BKS_STRIPE_POST, .path = path, .body = "amount=2300&currency=usd",
                                          .idempotency_key = "A1-create-1-0123456789abcdef"};

    bench->stub.notes->requests = 0;
    bench->stub.notes->connections = 0;
    bench->timing.stripe = 0;
    bench->error = bks_stripe_call(stripe, &bench->timing, &request, &bench->answer, bench->pool);
}

static void post(bench_t *bench, const char *path)
{
    post_by(bench, bench->stripe, path);
}

/* The outcome in a word: "fine" or the error's kind, and how many requests the server saw. */
static void is_outcome(const bench_t *bench, const char *want, int requests, const char *name)
{
    const char *got = bench->error ? bks_error_kind_print(bench->error->kind) : "fine";

    tap_is_text(apr_psprintf(bench->pool, "%s after %d", got, bench->stub.notes->requests),
                apr_psprintf(bench->pool, "%s after %d", want, requests), name);
}

static void test_request(bench_t *bench)
{
    const char *text = bench->stub.notes->text[0];

    post(bench, "/v1/ok");
    is_outcome(bench, "fine", 1, "a call");
    tap_ok(strncmp(text, "POST /v1/ok HTTP/1.1\r\n", 22) == 0, "its request line");
    tap_ok(strstr(text, "\r\nAuthorization: Bearer sk_test_sandbox\r\n") != NULL, "the key");
    tap_ok(strstr(text, "\r\nStripe-Version: " BKS_STRIPE_VERSION "\r\n") != NULL, "the version");
    tap_ok(strstr(text, "\r\nIdempotency-Key: A1-create-1-0123456789abcdef\r\n") != NULL, "the idempotency key");
    tap_ok(strstr(text, "\r\n\r\namount=2300&currency=usd") != NULL, "the body");
    tap_ok(!strstr(text, "Expect:") && !strstr(text, "Cookie:"), "and nothing that was not asked for");
    tap_is_text(bench->answer->request_id, "req_stub", "the answer's Request-Id");
    tap_is_text(bks_json_get_text(bench->answer->json, "id"), "pi_1", "the answer's object");
    tap_ok(bench->answer->status == 200 && !bench->answer->replayed && bench->timing.stripe > 0, "status and time");
    post(bench, "/v1/interim");
    tap_ok(!bench->error && strcmp(bench->answer->request_id, "req_stub") == 0 && !bench->answer->replayed,
           "what an interim answer says is forgotten");
}

static void test_get(bench_t *bench)
{
    const bks_stripe_request_t request = {.method = BKS_STRIPE_GET, .path = "/v1/ok?limit=1", .version = "2020-01-01.x"};

    bench->stub.notes->requests = 0;
    bench->error = bks_stripe_call(bench->stripe, NULL, &request, &bench->answer, bench->pool);
    is_outcome(bench, "fine", 1, "a GET");
    tap_ok(strncmp(bench->stub.notes->text[0], "GET /v1/ok?limit=1 HTTP/1.1\r\n", 29) == 0, "its request line");
    tap_ok(!strstr(bench->stub.notes->text[0], "Idempotency-Key"), "without an idempotency key");
    tap_ok(strstr(bench->stub.notes->text[0], "\r\nStripe-Version: 2020-01-01.x\r\n") != NULL, "with its own version");
}

static void test_bad_requests(bench_t *bench)
{
    const bks_stripe_request_t requests[] = {
        {.method = BKS_STRIPE_POST, .path = "/v1/ok", .body = "a=b"},
        {.method = BKS_STRIPE_POST, .path = "/v1/ok", .body = "a=b", .idempotency_key = "a\r\nX: y"},
        {.method = BKS_STRIPE_GET, .path = "http://example.com/v1/"},
        {.method = BKS_STRIPE_GET, .path = NULL},
        {.method = BKS_STRIPE_GET, .path = "/v1/ok", .body = "a=b"},
    };

    bench->stub.notes->requests = 0;
    for (int i = 0; i < 5; i++) {
        bench->error = bks_stripe_call(bench->stripe, NULL, &requests[i], &bench->answer, bench->pool);
        is_outcome(bench, "internal", 0, apr_psprintf(bench->pool, "broken request %d is not sent", i));
    }
}

/* Faults that end at once or after the tries. */
static void test_faults(bench_t *bench)
{
    static const struct {
        const char *path;
        const char *want;
        int requests;
        const char *name;
    } cases[] = {
        {"/v1/redirect", "unknown", 1, "a redirect is not followed"},
        {"/v1/html", "unknown", 1, "HTML"},
        {"/v1/array", "unknown", 1, "JSON of another type"},
        {"/v1/once_500", "fine", 2, "500, then fine"},
        {"/v1/once_lock", "fine", 2, "429 lock_timeout, then fine"},
        {"/v1/once_409", "fine", 2, "409, then fine"},
        {"/v1/limit", "unavailable", 1, "429 is not tried again"},
        {"/v1/then_limit", "unknown", 2, "500, then 429: the first one may have been executed"},
        {"/v1/dont_retry", "unknown", 1, "Stripe-Should-Retry: false"},
        {"/v1/do_retry", "fine", 2, "Stripe-Should-Retry: true"},
        {"/v1/replayed", "unknown", 1, "a repeated 500"},
        {"/v1/wait", "unknown", 1, "Retry-After beyond the time limit"},
        {"/v1/decline", "refused", 1, "a decline"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        post(bench, cases[i].path);
        is_outcome(bench, cases[i].want, cases[i].requests, cases[i].name);
        tap_ok(bench->answer != NULL, "and there is an answer to look at");
    }
    tap_is_text(bench->error->message, "Declined.", "the decline's sentence is for the buyer");
    post(bench, "/v1/limit");
    tap_is_int(bench->error->retry_after, 9, "Retry-After reaches the caller");
}

/* Faults seen with no time for a second try. */
static void test_losses(bench_t *bench)
{
    bks_stripe_t *hasty = make_client(bench->stub.port, 500, 250, NULL, bench->pool);

    post_by(bench, hasty, "/v1/nothing");
    is_outcome(bench, "unknown", 1, "closed before the answer");
    post_by(bench, hasty, "/v1/half");
    is_outcome(bench, "unknown", 1, "half an answer");
    post_by(bench, hasty, "/v1/flood");
    is_outcome(bench, "unknown", 1, "10 MB");
    tap_ok(strstr(bench->error->detail, "too large") != NULL, "are cut off");
    post_by(bench, hasty, "/v1/headers");
    is_outcome(bench, "unknown", 1, "headers without end");
    tap_ok(strstr(bench->error->detail, "too large") != NULL, "are cut off");
    tap_ok(took_ms(bench) < 300, "no pause leads beyond the time limit (%d ms)", took_ms(bench));
}

static void test_same_bytes(bench_t *bench)
{
    post(bench, "/v1/nothing");
    tap_ok(strstr(bench->stub.notes->text[0], "Idempotency-Key") != NULL, "three tries ...");
    tap_is_text(bench->stub.notes->text[1], bench->stub.notes->text[0], "... the second sends the same bytes and key");
    tap_is_text(bench->stub.notes->text[2], bench->stub.notes->text[0], "... and the third");
    tap_ok(took_ms(bench) >= 700 && took_ms(bench) <= 2500, "with pauses between them (%d ms)", took_ms(bench));
}

static void test_limits(bench_t *bench)
{
    bks_stripe_t *hasty = make_client(bench->stub.port, 500, 600, NULL, bench->pool);

    post_by(bench, hasty, "/v1/silence");
    is_outcome(bench, "unknown", 1, "no answer at all");
    tap_ok(took_ms(bench) >= 500 && took_ms(bench) < 1000, "ends at the total limit (%d ms)", took_ms(bench));
    post_by(bench, hasty, "/v1/trickle");
    is_outcome(bench, "unknown", 1, "a byte now and then");
    tap_ok(took_ms(bench) >= 500 && took_ms(bench) < 1000, "ends at the total limit too (%d ms)", took_ms(bench));
}

static void test_too_slow(bench_t *bench)
{
    const bks_transport_settings_t settings = {apr_psprintf(bench->pool, "http://127.0.0.1:%d", bench->stub.port), NULL,
                                               500};
    const bks_transport_request_t request = {.path = "/v1/trickle", .total_ms = 20000, .silence_ms = 1000,
                                             .headers = apr_array_make(bench->pool, 1, sizeof(const char *))};
    const apr_time_t started = apr_time_now();
    bks_transport_t *transport;
    bks_transport_answer_t *answer = NULL;

    tap_ok(!bks_transport_make(&transport, &settings, bench->pool) &&
               !bks_transport_send(transport, &request, &answer, bench->pool),
           "with time, a byte now and then");
    tap_is_int(answer->fate, BKS_TRANSPORT_LOST, "is given up");
    tap_ok(strstr(answer->problem, "too slow") != NULL, "as too slow");
    tap_ok(apr_time_now() - started < apr_time_from_sec(6), "long before the total limit");
}

static void test_no_connection(bench_t *bench)
{
    int port;
    const int listener = stub_listen(0, &port);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int waiting[4];

    for (int i = 0; i < 4; i++) { /* nobody accepts: the queue is full, and SYNs get no answer */
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(waiting[i], (struct sockaddr *)&address, sizeof(address));
    }
    post_by(bench, make_client(port, 300, 3000, NULL, bench->pool), "/v1/ok");
    is_outcome(bench, "unavailable", 0, "a host that does not answer");
    tap_ok(bench->answer->tries == 1 && took_ms(bench) < 900, "is not asked again (%d ms)", took_ms(bench));
    tap_ok(bench->error->retry_after > 0, "and the buyer hears when to come back");
    for (int i = 0; i < 4; i++) {
        close(waiting[i]);
    }
    close(listener);
    post_by(bench, make_client(port, 300, 3000, NULL, bench->pool), "/v1/ok");
    is_outcome(bench, "unavailable", 0, "connection refused");
    tap_ok(bench->answer->tries == 3 && took_ms(bench) < 2500, "after three tries (%d ms)", took_ms(bench));
    tap_ok(bench->answer->status == 0 && !bench->answer->json, "no answer");
}

static void test_connections(bench_t *bench)
{
    int fine = 1;

    post(bench, "/v1/ok");
    bench->stub.notes->connections = 0;
    for (int i = 0; i < 5; i++) {
        const bks_stripe_request_t request = {.method = BKS_STRIPE_GET, .path = "/v1/ok"};

        fine = fine && !bks_stripe_call(bench->stripe, NULL, &request, &bench->answer, bench->pool);
    }
    tap_ok(fine && bench->stub.notes->connections == 0, "five more calls need no new connection");
    post(bench, "/v1/and_close");
    post(bench, "/v1/ok");
    is_outcome(bench, "fine", 1, "an idle connection that was closed is replaced at once");
    tap_ok(took_ms(bench) < 200, "without a pause (%d ms)", took_ms(bench));
}

/* The server drops a kept connection just as the next request arrives on it. */
static void test_dropped_connection(bench_t *bench)
{
    const bks_stripe_request_t request = {.method = BKS_STRIPE_POST, .path = "/v1/first_alone", .body = "a=b",
                                          .idempotency_key = "k"};

    post(bench, "/v1/first_alone");
    bench->error = bks_stripe_call(bench->stripe, NULL, &request, &bench->answer, bench->pool);
    is_outcome(bench, "fine", 3, "a kept connection that is dropped under a request: the request is sent again");
    tap_is_text(bench->stub.notes->text[2], bench->stub.notes->text[1], "with the same bytes and key");
}

static void test_gate(bench_t *bench)
{
    const bks_gate_limits_t limits = {1, 0};
    void *memory = apr_palloc(bench->pool, bks_gate_size(1));
    bks_gate_t *gate;
    bks_stripe_t *stripe;

    bks_gate_format(memory, 1);
    bks_gate_attach(&gate, memory, &limits, &bks_clock_system, bench->pool);
    stripe = make_client(bench->stub.port, 500, 5000, gate, bench->pool);
    post_by(bench, stripe, "/v1/and_close"); /* a connection kept would let libcurl send once more, at once */
    is_outcome(bench, "fine", 1, "through the gate");
    tap_is_int(bks_gate_count(gate), 0, "which gets its place back");
    post_by(bench, stripe, "/v1/nothing");
    is_outcome(bench, "unknown", 3, "three failures");
    post_by(bench, stripe, "/v1/nothing");
    is_outcome(bench, "unknown", 2, "two more open the breaker, and the tries end");
    post_by(bench, stripe, "/v1/ok");
    is_outcome(bench, "unavailable", 0, "then nothing is sent");
    tap_ok(took_ms(bench) < 50 && bench->error->retry_after > 0, "and the answer comes at once");
    tap_is_int(bks_gate_count(gate), 0, "every place is back");
    bks_gate_report(gate, 1);
    bks_gate_enter(gate, bench->pool);
    post_by(bench, stripe, "/v1/ok");
    is_outcome(bench, "unavailable", 0, "a full gate lets nobody through");
    bks_gate_leave(gate);
}

static void test_settings(apr_pool_t *pool)
{
    static const struct {
        const char *base;
        int fine;
    } bases[] = {
        {"https://api.stripe.com", 1},       {"http://127.0.0.1:12111", 1},  {"http://localhost:1", 1},
        {"http://[::1]:1", 1},               {"http://api.stripe.com", 0},   {"http://localhost.example.com", 0},
        {"http://127.0.0.1.example.com", 0}, {"https://u:p@example.com", 0}, {"https://example.com/", 0},
        {"https://example.com/v1", 0},       {"https://example.com?x=1", 0}, {"file:///etc/passwd", 0},
        {"ftp://127.0.0.1", 0},              {"", 0},                        {"example.com", 0},
        {"https://", 0},
    };
    bks_stripe_settings_t settings = {.secret_key = "sk_test_sandbox", .connect_ms = 1, .total_ms = 1};
    bks_stripe_t *stripe;

    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        settings.api_base = bases[i].base;
        tap_ok((bks_stripe_make(&stripe, &settings, NULL, NULL, pool) == BKS_FINE) == bases[i].fine, "%s is %s",
               bases[i].base, bases[i].fine ? "taken" : "refused");
    }
    settings.api_base = "https://api.stripe.com";
    settings.ca_file = "/nonexistent/ca.pem";
    tap_is_text(bks_stripe_make(&stripe, &settings, NULL, NULL, pool)->code, "stripe_ca_file", "a CA file must be there");
    settings.ca_file = NULL;
    settings.secret_key = "sk_test\r\nX: y";
    tap_is_text(bks_stripe_make(&stripe, &settings, NULL, NULL, pool)->code, "stripe_key_refused", "a key is one word");
    settings.secret_key = "sk_test_sandbox";
    settings.total_ms = 0;
    tap_is_text(bks_stripe_make(&stripe, &settings, NULL, NULL, pool)->code, "stripe_timeout", "limits are above 0");
}

typedef struct {
    bks_stripe_t *stripe;
    _Atomic int fine;
} crowd_t;

static void *APR_THREAD_FUNC call_often(apr_thread_t *thread, void *baton)
{
    crowd_t *crowd = baton;
    const bks_stripe_request_t request = {.method = BKS_STRIPE_GET, .path = "/v1/ok"};
    apr_pool_t *pool;

    apr_pool_create(&pool, apr_thread_pool_get(thread));
    for (int i = 0; i < CALLS; i++) {
        bks_stripe_answer_t *answer;

        atomic_fetch_add(&crowd->fine, !bks_stripe_call(crowd->stripe, NULL, &request, &answer, pool));
        apr_pool_clear(pool);
    }
    return NULL;
}

static void test_threads(bench_t *bench)
{
    crowd_t crowd = {.stripe = make_logging_client(bench->stub.port, 2000, 10000, NULL, NULL, bench->pool)};
    apr_thread_t *threads[THREADS];
    apr_status_t status;

    bench->stub.notes->connections = 0;
    for (int i = 0; i < THREADS; i++) {
        apr_thread_create(&threads[i], NULL, call_often, &crowd, bench->pool);
    }
    for (int i = 0; i < THREADS; i++) {
        apr_thread_join(&status, threads[i]);
    }
    tap_is_int(crowd.fine, THREADS * CALLS, "calls of many threads all succeed");
    tap_ok(bench->stub.notes->connections <= THREADS, "over at most a connection each (%d)",
           bench->stub.notes->connections);
}

int main(int argc, const char *const *argv)
{
    bench_t bench;

    apr_app_initialize(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    setenv("http_proxy", "http://127.0.0.1:9", 1); /* must not be used */
    setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
    apr_pool_create(&bench.pool, NULL);
    bench.stub = stub_start(routes);
    tap_ok(!bks_stripe_global_begin(bench.pool), "libcurl is fit");
    bench.stripe = make_client(bench.stub.port, 1000, 5000, NULL, bench.pool);
    test_request(&bench);
    test_get(&bench);
    test_bad_requests(&bench);
    test_faults(&bench);
    test_losses(&bench);
    test_same_bytes(&bench);
    test_limits(&bench);
    test_too_slow(&bench);
    test_no_connection(&bench);
    test_connections(&bench);
    test_dropped_connection(&bench);
    test_gate(&bench);
    test_settings(bench.pool);
    test_threads(&bench);
    tap_ok(strstr(logged, "BKS0304: POST /v1/ok: HTTP 200") && !strstr(logged, "sk_test"), "the log holds calls, no key");
    stub_stop(&bench.stub);
    apr_pool_destroy(bench.pool);
    bks_stripe_global_end();
    apr_terminate();
    return tap_done();
}
