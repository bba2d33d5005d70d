/* libcurl's corner: its global state, the stack of idle handles, one exchange.
 * SPDX-License-Identifier: Apache-2.0 */
#include "stripe/transport.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <curl/curl.h>

#include "base/text.h"
#include "stripe/stripe.h"

#if LIBCURL_VERSION_NUM < 0x075500
#error "libcurl 7.85 or newer is needed (CURLOPT_PROTOCOLS_STR)"
#endif

#define HEADERS_MAX (64 * 1024)
#define BODY_START (8 * 1024)
#define SLOW_BYTES_PER_SECOND 32L
#define RETRY_AFTER_MAX_DIGITS 4

struct bks_transport_t {
    bks_transport_settings_t settings;
    const char *protocol;        /* the only one that handles may speak */
    int has_bundle;              /* libcurl knows a file of the system's authorities */
    apr_pool_t *pool;            /* for the stack alone, under the lock */
    apr_thread_mutex_t *lock;
    apr_array_header_t *idle;    /* of CURL *; the last one in goes first, its connection is the freshest */
};

/* What the callbacks fill. */
typedef struct {
    bks_transport_answer_t *answer;
    char *body;
    apr_size_t length;
    apr_size_t size;
    apr_size_t header_bytes;
    int too_large;
    apr_pool_t *pool;
} reading_t;

/* Global state. */

const bks_error_t *bks_stripe_global_begin(apr_pool_t *pool)
{
    const curl_version_info_data *version;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "libcurl can't be initialised");
    }
    version = curl_version_info(CURLVERSION_NOW);
    if (!(version->features & CURL_VERSION_SSL) || !(version->features & CURL_VERSION_ASYNCHDNS)) {
        curl_global_cleanup();
        return bks_error_make(BKS_ERROR_CONFIG, "curl_unfit", APR_SUCCESS, pool,
                              "libcurl %s lacks TLS, or names can't be resolved within a time limit (AsynchDNS)",
                              version->version);
    }
    return BKS_FINE;
}

void bks_stripe_global_end(void)
{
    curl_global_cleanup();
}

/* Making. */

static int has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    const int has = curl_url_get(url, part, &text, 0) == CURLUE_OK && text && strcmp(text, "/") != 0;

    curl_free(text);
    return has;
}

/* The protocol that this base may use, or NULL. */
static const char *allowed_protocol(CURLU *url)
{
    char *scheme = NULL;
    char *host = NULL;
    const char *protocol = NULL;

    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        if (strcmp(scheme, "https") == 0) {
            protocol = "https";
        }
        else if (strcmp(scheme, "http") == 0 && bks_host_is_loopback(host)) {
            protocol = "http";
        }
    }
    curl_free(scheme);
    curl_free(host);
    return protocol;
}

static const char *parse_base(const char *base)
{
    static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_PATH, CURLUPART_QUERY,
                                         CURLUPART_FRAGMENT};
    CURLU *url = curl_url();
    const char *protocol = NULL;
    const apr_size_t length = strlen(base);

    if (url && length && base[length - 1] != '/' && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK) {
        protocol = allowed_protocol(url);
        for (apr_size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
            protocol = has_part(url, unwanted[i]) ? NULL : protocol;
        }
    }
    curl_url_cleanup(url);
    return protocol;
}

static apr_status_t end_handles(void *baton)
{
    bks_transport_t *transport = baton;
    CURL **handle;

    while ((handle = apr_array_pop(transport->idle))) {
        curl_easy_cleanup(*handle);
    }
    return APR_SUCCESS;
}

const bks_error_t *bks_transport_make(bks_transport_t **transport, const bks_transport_settings_t *settings,
                                      apr_pool_t *pool)
{
    bks_transport_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_status_t status;

    made->settings = *settings;
    made->protocol = parse_base(settings->base);
    if (!made->protocol) {
        return bks_error_make(BKS_ERROR_CONFIG, "stripe_api_base", APR_SUCCESS, pool,
                              "Stripe's address must be https://HOST (http for a loopback host alone), and no more");
    }
    if (settings->ca_file && access(settings->ca_file, R_OK) != 0) {
        return bks_error_make(BKS_ERROR_CONFIG, "stripe_ca_file", apr_get_os_error(), pool, "%s can't be read",
                              settings->ca_file);
    }
    status = apr_pool_create(&made->pool, pool);
    if (status == APR_SUCCESS) {
        status = apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, made->pool);
    }
    if (status != APR_SUCCESS) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", status, pool, "no lock for Stripe's connections");
    }
    made->has_bundle = curl_version_info(CURLVERSION_NOW)->cainfo != NULL;
    made->idle = apr_array_make(made->pool, 8, sizeof(CURL *));
    apr_pool_pre_cleanup_register(pool, made, end_handles);
    *transport = made;
    return BKS_FINE;
}

/* The stack of idle handles. */

static CURL *take_handle(bks_transport_t *transport)
{
    CURL **top;
    CURL *handle;

    apr_thread_mutex_lock(transport->lock);
    top = apr_array_pop(transport->idle);
    handle = top ? *top : NULL; /* while the lock is held: the next one pushed goes to the same place */
    apr_thread_mutex_unlock(transport->lock);
    return handle ? handle : curl_easy_init();
}

/* The reset drops each pointer into the call's memory and keeps the connection. */
static void give_handle(bks_transport_t *transport, CURL *handle)
{
    curl_easy_reset(handle);
    apr_thread_mutex_lock(transport->lock);
    APR_ARRAY_PUSH(transport->idle, CURL *) = handle;
    apr_thread_mutex_unlock(transport->lock);
}

/* Reading. */

static void make_room(reading_t *reading, apr_size_t more)
{
    apr_size_t size = reading->size ? reading->size : BODY_START;
    char *body;

    while (size < reading->length + more + 1) {
        size *= 2;
    }
    if (size == reading->size) {
        return;
    }
    body = apr_palloc(reading->pool, size);
    if (reading->length) {
        memcpy(body, reading->body, reading->length);
    }
    reading->body = body;
    reading->size = size;
}

static size_t read_body(char *bytes, size_t one, size_t count, void *baton)
{
    reading_t *reading = baton;
    const apr_size_t more = one * count;

    if (more > BKS_STRIPE_ANSWER_MAX - reading->length) {
        reading->too_large = 1;
        return 0; /* libcurl drops the connection */
    }
    make_room(reading, more);
    memcpy(reading->body + reading->length, bytes, more);
    reading->length += more;
    return more;
}

/* The value of the header LINE if its name is NAME ("request-id:"), or NULL. */
static const char *header_value(const char *line, const char *name, apr_pool_t *pool)
{
    const apr_size_t length = strlen(name);

    return strncasecmp(line, name, length) == 0 ? bks_text_trim(line + length, pool) : NULL;
}

static void keep_header(bks_transport_answer_t *answer, const char *line, apr_pool_t *pool)
{
    const char *value;
    apr_int64_t seconds;

    if ((value = header_value(line, "request-id:", pool))) {
        answer->request_id = value;
    }
    else if ((value = header_value(line, "idempotent-replayed:", pool))) {
        answer->replayed = strcasecmp(value, "true") == 0;
    }
    else if ((value = header_value(line, "stripe-should-retry:", pool))) {
        answer->should_retry = strcasecmp(value, "true") == 0    ? BKS_RETRY_YES
                               : strcasecmp(value, "false") == 0 ? BKS_RETRY_NO
                                                                 : BKS_RETRY_UNSAID;
    }
    else if ((value = header_value(line, "retry-after:", pool))) {
        answer->retry_after = bks_text_to_int(value, RETRY_AFTER_MAX_DIGITS, &seconds) ? (int)seconds : 0;
    }
}

/* A status line begins a new answer: what an interim one (1xx) said is forgotten. */
static void forget_headers(bks_transport_answer_t *answer)
{
    answer->request_id = "";
    answer->replayed = 0;
    answer->should_retry = BKS_RETRY_UNSAID;
    answer->retry_after = 0;
}

static size_t read_header(char *bytes, size_t one, size_t count, void *baton)
{
    reading_t *reading = baton;
    const apr_size_t length = one * count;
    const char *line;

    reading->header_bytes += length;
    if (reading->header_bytes > HEADERS_MAX) {
        reading->too_large = 1;
        return 0;
    }
    if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        forget_headers(reading->answer);
    }
    else if (length && strchr("IiRrSs", bytes[0])) { /* the initials of those that we keep */
        line = apr_pstrmemdup(reading->pool, bytes, length);
        keep_header(reading->answer, line, reading->pool);
    }
    return length;
}

/* Sending. A failed option is one that this libcurl lacks or memory that is missing; each of them matters. */

typedef struct {
    CURL *handle;
    CURLcode failure; /* the first one */
} setup_t;

static void set_long(setup_t *setup, CURLoption option, long value)
{
    const CURLcode code = curl_easy_setopt(setup->handle, option, value);

    setup->failure = setup->failure ? setup->failure : code;
}

static void set_pointer(setup_t *setup, CURLoption option, const void *value)
{
    const CURLcode code = curl_easy_setopt(setup->handle, option, value);

    setup->failure = setup->failure ? setup->failure : code;
}

/* A file of authorities is used without the system's directory of them, which Debian's libcurl would add: an admin's own
 * file would not be the last word, and libcurl keeps what it has parsed (30 ms of it) only where there is no directory. */
static void set_trust(setup_t *setup, const bks_transport_t *transport)
{
    set_long(setup, CURLOPT_SSL_VERIFYPEER, 1L);
    set_long(setup, CURLOPT_SSL_VERIFYHOST, 2L);
    set_long(setup, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (transport->settings.ca_file) {
        set_pointer(setup, CURLOPT_CAINFO, transport->settings.ca_file);
    }
    if (transport->settings.ca_file || transport->has_bundle) {
        set_pointer(setup, CURLOPT_CAPATH, NULL);
    }
}

static void set_safety(setup_t *setup, const bks_transport_t *transport)
{
    set_long(setup, CURLOPT_NOSIGNAL, 1L);
    set_pointer(setup, CURLOPT_PROTOCOLS_STR, transport->protocol);
    set_long(setup, CURLOPT_FOLLOWLOCATION, 0L);
    set_pointer(setup, CURLOPT_PROXY, "");
    set_long(setup, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    set_long(setup, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set_long(setup, CURLOPT_PATH_AS_IS, 1L);
}

static void set_limits(setup_t *setup, const bks_transport_t *transport, const bks_transport_request_t *request)
{
    const int connect_ms = transport->settings.connect_ms;

    set_long(setup, CURLOPT_TIMEOUT_MS, request->total_ms);
    set_long(setup, CURLOPT_CONNECTTIMEOUT_MS, connect_ms < request->total_ms ? connect_ms : request->total_ms);
    set_long(setup, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_PER_SECOND);
    set_long(setup, CURLOPT_LOW_SPEED_TIME, request->silence_ms < 1000 ? 1L : request->silence_ms / 1000L);
#if LIBCURL_VERSION_NUM >= 0x075700
    set_long(setup, CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs is left behind, not waited for past the limit */
#endif
}

static void set_wire(setup_t *setup)
{
    set_long(setup, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* one call, one connection */
    set_long(setup, CURLOPT_TCP_NODELAY, 1L);
    set_long(setup, CURLOPT_TCP_KEEPALIVE, 1L);
    set_pointer(setup, CURLOPT_USERAGENT, "mod_bookshop");
}

static void set_request(setup_t *setup, const bks_transport_t *transport, const bks_transport_request_t *request,
                        struct curl_slist *headers, apr_pool_t *pool)
{
    set_pointer(setup, CURLOPT_URL, apr_pstrcat(pool, transport->settings.base, request->path, NULL));
    set_pointer(setup, CURLOPT_HTTPHEADER, headers);
    if (request->body) {
        set_long(setup, CURLOPT_POST, 1L);
        set_long(setup, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
        set_pointer(setup, CURLOPT_POSTFIELDS, request->body);
    }
}

static void set_reading(setup_t *setup, reading_t *reading, char *problem)
{
    CURLcode code = curl_easy_setopt(setup->handle, CURLOPT_WRITEFUNCTION, read_body);

    setup->failure = setup->failure ? setup->failure : code;
    code = curl_easy_setopt(setup->handle, CURLOPT_HEADERFUNCTION, read_header);
    setup->failure = setup->failure ? setup->failure : code;
    set_pointer(setup, CURLOPT_WRITEDATA, reading);
    set_pointer(setup, CURLOPT_HEADERDATA, reading);
    set_pointer(setup, CURLOPT_ERRORBUFFER, problem);
}

/* The list in the pool's memory: nothing to free, nothing to fail. */
static struct curl_slist *list_headers(const apr_array_header_t *headers, apr_pool_t *pool)
{
    struct curl_slist *list = NULL;

    for (int i = headers->nelts; i-- > 0;) {
        struct curl_slist *node = apr_palloc(pool, sizeof(*node));

        node->data = apr_pstrdup(pool, APR_ARRAY_IDX(headers, i, const char *));
        node->next = list;
        list = node;
    }
    return list;
}

/* libcurl counts the bytes of requests that it wrote. None written, nothing done: that holds whatever the failure was
 * (name, connection, handshake, certificate, time-out), and it counts over a reconnect of its own. */
static void judge_failure(CURL *handle, CURLcode code, bks_transport_answer_t *answer)
{
    long sent = 0;

    curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &sent);
    answer->fate = sent > 0 ? BKS_TRANSPORT_LOST : BKS_TRANSPORT_NOTHING_SENT;
    answer->status = 0;
    answer->untrusted = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
                        code == CURLE_SSL_ISSUER_ERROR;
    answer->hopeless = answer->untrusted || (code == CURLE_OPERATION_TIMEDOUT && sent == 0);
}

static void finish_answer(reading_t *reading)
{
    make_room(reading, 0);
    reading->body[reading->length] = '\0';
    reading->answer->body = reading->body;
    reading->answer->length = reading->length;
}

static void exchange(CURL *handle, reading_t *reading, const char *problem)
{
    bks_transport_answer_t *answer = reading->answer;
    const CURLcode code = curl_easy_perform(handle);
    long status = 0;

    if (code != CURLE_OK) {
        judge_failure(handle, code, answer);
        answer->problem = reading->too_large
                              ? "the answer is too large"
                              : apr_pstrdup(reading->pool, problem[0] ? problem : curl_easy_strerror(code));
        return;
    }
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    answer->fate = BKS_TRANSPORT_ANSWERED;
    answer->status = (int)status;
    finish_answer(reading);
}

static void set_up(setup_t *setup, const bks_transport_t *transport, const bks_transport_request_t *request,
                   reading_t *reading, char *problem)
{
    set_safety(setup, transport);
    set_trust(setup, transport);
    set_limits(setup, transport, request);
    set_wire(setup);
    set_request(setup, transport, request, list_headers(request->headers, reading->pool), reading->pool);
    set_reading(setup, reading, problem);
}

const bks_error_t *bks_transport_send(bks_transport_t *transport, const bks_transport_request_t *request,
                                      bks_transport_answer_t **answer, apr_pool_t *pool)
{
    char problem[CURL_ERROR_SIZE] = "";
    reading_t reading = {.answer = apr_pcalloc(pool, sizeof(bks_transport_answer_t)), .pool = pool};
    setup_t setup = {.handle = take_handle(transport), .failure = CURLE_OK};

    *answer = reading.answer;
    reading.answer->body = "";
    reading.answer->request_id = "";
    if (!setup.handle) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_ENOMEM, pool, "no libcurl handle");
    }
    set_up(&setup, transport, request, &reading, problem);
    if (setup.failure == CURLE_OK) {
        exchange(setup.handle, &reading, problem);
    }
    give_handle(transport, setup.handle);
    if (setup.failure != CURLE_OK) {
        return bks_error_make(BKS_ERROR_INTERNAL, "internal", APR_SUCCESS, pool, "libcurl refuses an option: %s",
                              curl_easy_strerror(setup.failure));
    }
    return BKS_FINE;
}
