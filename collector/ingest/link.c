/*
 * Why the socket is known here. Paho C acknowledges a QoS 1 message as soon as its callback returns, whatever it
 * returns, and has no call that would not: MQTTAsync_disconnect from the callback is carried out after the PUBACK. What
 * works, shown against mosquitto by tests/component/ingest: shutdown(2) of the socket inside the callback. The PUBACK
 * that follows fails with EPIPE, Paho sees a broken connection, the broker sees one without DISCONNECT, keeps the
 * message and sends it again. Bytes that the kernel had received already are still delivered after that, so a cut link
 * hands nothing more on. Paho tells its socket in one place only, the trace line "… 3 client-id -> CONNECT version 5
 * …"; the trace is on while we connect. Where the line does not come the connection is refused, for we could not keep
 * promise 2.
 *
 * Locks. Paho holds its own lock during every callback: a QoS 1 MQTTAsync_send of another thread waits as long as the
 * callback does (measured: all of it). So only one thread of ours calls Paho, callbacks only change state and ring the
 * bell, and the bell's lock is never held while Paho is called. No socket is closed during a callback, for the same
 * reason; its number cannot have passed to somebody else.
 */
#include "link.h"

#include "socket_watch.h"
#include "tls_reason.h"

#include "base/file.h"
#include "base/log.h"

#include <MQTTAsync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CONNECT_TIMEOUT_S = 20,
    ANSWER_TIMEOUT_MS = 30000, /* above CONNECT_TIMEOUT_S: Paho looks at its own bound every 3 s */
    GOOD_BYE_MS = 3000,
    RECEIVE_MAXIMUM = 1000, /* unacknowledged messages that the broker may have under way (mosquitto alone: 20) */
    REASON_SIZE = 200
};

struct link {
    struct link_options options;
    MQTTAsync handle;
    struct socket_watch watch; /* which socket is Paho's */
    _Atomic bool lost;
    _Atomic bool cut;         /* by us: nothing that still arrives is handed on */
    _Atomic bool taken_over;  /* by another client with our id */
    char reason[REASON_SIZE]; /* why it was lost; written once, before `lost` */
    /* The one request that link's thread waits for; the bell's lock guards it. */
    bool answered;
    int code; /* 0 or Paho's or the broker's failure code */
    bool session_present;
    char detail[REASON_SIZE];
    char tls_detail[REASON_SIZE];
};

static void answer(struct link *link, int code, const char *detail)
{
    pthread_mutex_lock(&link->options.bell->lock);
    link->answered = true;
    link->code = code;
    snprintf(link->detail, sizeof link->detail, "%s", detail == NULL ? "" : detail);
    pthread_cond_broadcast(&link->options.bell->rung);
    pthread_mutex_unlock(&link->options.bell->lock);
}

static void lose(struct link *link, const char *reason)
{
    pthread_mutex_lock(&link->options.bell->lock);
    if (link->reason[0] == '\0') {
        snprintf(link->reason, sizeof link->reason, "%s", reason);
    }
    atomic_store(&link->lost, true);
    pthread_cond_broadcast(&link->options.bell->rung);
    pthread_mutex_unlock(&link->options.bell->lock);
}

/* Quality 0 is a refusal in disguise: nothing would be kept while we are away. */
static void answer_granted(struct link *link, int qos)
{
    enum { LIKE_UNSPECIFIED_ERROR = 0x80 };
    answer(link, qos == 0 ? LIKE_UNSPECIFIED_ERROR : 0, qos == 0 ? "granted with QoS 0 only" : "");
}

static void on_success5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    answer(context, 0, "");
}

static void on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
    answer_granted(context, (int)data->reasonCode);
}

static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
    char text[REASON_SIZE];
    int code = data->reasonCode != 0 ? (int)data->reasonCode : data->code;
    const char *word = code > 0 ? MQTTReasonCode_toString((enum MQTTReasonCodes)code) : NULL;
    const char *message = data->message == NULL ? "" : data->message;
    snprintf(text, sizeof text, "%s", word == NULL ? message : word);
    answer(context, code == 0 ? -1 : code, text);
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    (void)data;
    answer(context, 0, "");
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    answer_granted(context, data->alt.qos);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    answer(context, data->code == 0 ? -1 : data->code, data->message);
}

static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
    struct link *link = context;
    link->session_present = data->alt.connect.sessionPresent != 0;
    answer(link, 0, "");
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
    struct link *link = context;
    link->session_present = data->alt.connect.sessionPresent != 0;
    answer(link, 0, "");
}

static void on_lost(void *context, char *cause)
{
    lose(context, cause == NULL ? "connection closed" : cause);
}

/* MQTT 5: the broker says why before it closes, e.g. that another client took over our id. */
static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes code)
{
    char text[REASON_SIZE];
    const char *word = MQTTReasonCode_toString(code);
    (void)properties;
    struct link *link = context;
    snprintf(text, sizeof text, "broker: %s (0x%02x)", word == NULL ? "unknown reason" : word, (unsigned)code);
    atomic_store(&link->taken_over, code == MQTTREASONCODE_SESSION_TAKEN_OVER);
    lose(link, text);
}

static int on_tls_error(const char *text, size_t length, void *context)
{
    struct link *link = context;
    pthread_mutex_lock(&link->options.bell->lock);
    snprintf(link->tls_detail, sizeof link->tls_detail, "%.*s", (int)length, text);
    link->tls_detail[strcspn(link->tls_detail, "\n")] = '\0';
    pthread_mutex_unlock(&link->options.bell->lock);
    return 1;
}

static void cut(struct link *link)
{
    atomic_store(&link->cut, true);
    shutdown(socket_watch_number(&link->watch), SHUT_RDWR);
    lose(link, "dropped by us with a message unacknowledged");
}

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    struct link *link = context;
    struct link_message offered = {.topic = topic,
                                   /* Paho gives 0 where the topic holds no NUL byte */
                                   .topic_length = topic_length > 0 ? (size_t)topic_length : strlen(topic),
                                   .payload = message->payload,
                                   .payload_length = (size_t)message->payloadlen,
                                   .qos = message->qos,
                                   .repeated = message->dup != 0};
    if (!atomic_load(&link->cut) && link->options.arrived(link->options.context, &offered) != 0) {
        cut(link);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1; /* 0 would keep the message in memory and acknowledge it all the same */
}

/* Waits for the answer to the request in hand; the end of the connection is one too. */
static int wait_answer(struct link *link, int64_t timeout_ms, struct error *error)
{
    int result = 0;
    int64_t until_ms = clock_steady_ms() + timeout_ms;
    if (link->options.deadline_ms > 0 && link->options.deadline_ms < until_ms) {
        until_ms = link->options.deadline_ms;
    }
    pthread_mutex_lock(&link->options.bell->lock);
    while (!link->answered && !atomic_load(&link->lost) && !atomic_load(link->options.stopping) &&
           clock_steady_ms() < until_ms) {
        bell_wait(link->options.bell, until_ms);
    }
    if (link->answered) {
        result = link->code == 0 ? 0 : ERROR_INPUT;
    } else if (atomic_load(&link->lost)) {
        result = error_set(error, ERROR_IO, "%s", link->reason);
    } else if (atomic_load(link->options.stopping)) {
        result = error_set(error, ERROR_BUSY, "stopping");
    } else {
        result = error_set(error, ERROR_IO, "the broker does not answer");
    }
    pthread_mutex_unlock(&link->options.bell->lock);
    return result;
}

static void expect_answer(struct link *link)
{
    pthread_mutex_lock(&link->options.bell->lock);
    link->answered = false;
    pthread_mutex_unlock(&link->options.bell->lock);
}

static int add_property(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t value)
{
    MQTTProperty property = {.identifier = code};
    if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM) {
        property.value.integer2 = (unsigned short)value;
    } else {
        property.value.integer4 = value;
    }
    return MQTTProperties_add(properties, &property) == 0 ? 0 : ERROR_MEMORY;
}

/* What this link asks of the broker in MQTT 5. */
static int fill_properties(MQTTProperties *properties, const struct link_options *options)
{
    int result = add_property(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, RECEIVE_MAXIMUM);
    if (result == 0 && !options->clean) {
        result = add_property(properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, options->session_expiry_s);
    }
    if (result == 0 && options->packet_bytes > 0) {
        result = add_property(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, options->packet_bytes);
    }
    return result;
}

/* Where no ca_file is named OpenSSL's own set of authorities is used. Host names are always checked. */
static void fill_tls(MQTTAsync_SSLOptions *tls, struct link *link)
{
    tls->trustStore = link->options.ca_file;
    tls->keyStore = link->options.cert_file;
    tls->privateKey = link->options.key_file;
    tls->enabledCipherSuites = "DEFAULT";
    tls->enableServerCertAuth = 1;
    tls->verify = 1;
    tls->ssl_error_cb = on_tls_error;
    tls->ssl_error_context = link;
}

static int start_connect(struct link *link)
{
    const struct link_options *options = &link->options;
    bool five = options->mqtt_version == 5;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions connect5 = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions *chosen = five ? &connect5 : &connect;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    if (five) {
        chosen->cleanstart = options->clean;
        chosen->connectProperties = &properties;
        chosen->onSuccess5 = on_connected5;
        chosen->onFailure5 = on_failure5;
        if (fill_properties(&properties, options) != 0) {
            MQTTProperties_free(&properties);
            return MQTTASYNC_FAILURE;
        }
    } else {
        chosen->MQTTVersion = MQTTVERSION_3_1_1;
        chosen->cleansession = options->clean;
        chosen->onSuccess = on_connected;
        chosen->onFailure = on_failure;
    }
    chosen->context = link;
    chosen->keepAliveInterval = options->keep_alive_s;
    chosen->connectTimeout = CONNECT_TIMEOUT_S;
    chosen->maxInflight = OUTBOX_UNDER_WAY;
    chosen->username = options->username;
    if (options->password != NULL) {
        chosen->binarypwd.data = options->password->bytes;
        chosen->binarypwd.len = (int)options->password->used;
    }
    if (options->will_topic != NULL) {
        will.topicName = options->will_topic;
        will.payload.data = options->will_payload;
        will.payload.len = (int)strlen(options->will_payload);
        will.retained = 1;
        will.qos = 1;
        chosen->will = &will;
    }
    if (options->tls) {
        fill_tls(&tls, link);
        chosen->ssl = &tls;
    }
    int code = MQTTAsync_connect(link->handle, chosen); /* copies everything */
    MQTTProperties_free(&properties);
    return code;
}

static int create_handle(struct link *link, struct error *error)
{
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
    create.MQTTVersion = link->options.mqtt_version == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    create.allowDisconnectedSendAtAnyTime = 0;
    int code = MQTTAsync_createWithOptions(&link->handle, link->options.uri, link->options.client_id,
                                           MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
    if (code == MQTTASYNC_SUCCESS) {
        code = MQTTAsync_setCallbacks(link->handle, link, on_lost, on_message, NULL);
    }
    if (code == MQTTASYNC_SUCCESS && link->options.mqtt_version == 5) {
        code = MQTTAsync_setDisconnected(link->handle, link, on_disconnected);
    }
    return code == MQTTASYNC_SUCCESS
               ? 0
               : error_set(error, ERROR_MEMORY, "Paho makes no client for %s (code %d)", link->options.uri, code);
}

/* CONNACK 3.1.1 return codes are what they are; those of MQTT 5 came with their words. */
static const char *connack_word(const struct link *link)
{
    static const char *const words[] = {"",
                                        "unacceptable protocol version",
                                        "client id refused",
                                        "server unavailable",
                                        "bad user name or password",
                                        "not authorised"};
    bool known = link->options.mqtt_version != 5 && link->code > 0 && link->code < 6;
    return known ? words[link->code] : link->detail;
}

static bool is_wrong_version(const struct link *link)
{
    enum { UNACCEPTABLE_VERSION_3 = 1 };
    return link->code == MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION || link->code == UNACCEPTABLE_VERSION_3;
}

/* A broker that does not know MQTT 5 answers in its own format, which Paho cannot read, or closes; both show as a
 * connection that broke after our CONNECT left. */
static bool is_hung_up(const struct link *link)
{
    return socket_watch_number(&link->watch) >= 0 && link->code < 0 && strstr(link->detail, "timeout") == NULL;
}

static int explain_refusal(struct link *link, struct link_answer *out, struct error *error)
{
    char certificate[REASON_SIZE] = "";
    if (link->options.tls && socket_watch_number(&link->watch) < 0) { /* no CONNECT left: the handshake failed */
        tls_reason(link->options.uri, link->options.ca_file, certificate, sizeof certificate);
    }
    pthread_mutex_lock(&link->options.bell->lock);
    const char *tls = certificate[0] != '\0' ? certificate : link->tls_detail;
    out->wrong_version = is_wrong_version(link);
    out->hung_up = is_hung_up(link);
    error_set(error, ERROR_IO, "%s (code %d)%s%s", connack_word(link), link->code,
              tls[0] == '\0' ? "" : ", TLS: ", tls);
    pthread_mutex_unlock(&link->options.bell->lock);
    return ERROR_IO;
}

static int connect_and_wait(struct link *link, struct link_answer *out, struct error *error)
{
    expect_answer(link);
    socket_watch_begin(&link->watch, link->options.client_id);
    int code = start_connect(link);
    int result = code == MQTTASYNC_SUCCESS
                     ? wait_answer(link, ANSWER_TIMEOUT_MS, error)
                     : error_set(error, ERROR_IO, "Paho does not connect: %s", MQTTAsync_strerror(code));
    socket_watch_end(&link->watch);
    if (result == ERROR_INPUT) {
        return explain_refusal(link, out, error);
    }
    if (result == 0 && socket_watch_number(&link->watch) < 0) {
        return error_set(error, ERROR_IO,
                         "Paho %s does not tell its socket, without which a message cannot be left "
                         "unacknowledged: use Debian's libpaho-mqtt1.3",
                         link_library_version());
    }
    out->session_present = link->session_present;
    return result;
}

int link_open(struct link **out, const struct link_options *options, struct link_answer *out_answer,
              struct error *error)
{
    *out_answer = (struct link_answer){0};
    *out = NULL;
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    link->options = *options;
    socket_watch_init(&link->watch);
    int result = create_handle(link, error);
    if (result == 0) {
        result = connect_and_wait(link, out_answer, error);
    }
    link->options.password = NULL; /* Paho has its own copy; the caller wipes his */
    if (result != 0) {
        link_close(&link, false);
        return result;
    }
    *out = link;
    return 0;
}

static MQTTAsync_responseOptions request_options(struct link *link)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = link;
    if (link->options.mqtt_version == 5) {
        options.onSuccess5 = on_success5;
        options.onFailure5 = on_failure5;
    } else {
        options.onSuccess = on_success;
        options.onFailure = on_failure;
    }
    return options;
}

static int finish_request(struct link *link, int code, const char *filter, struct error *error)
{
    if (code != MQTTASYNC_SUCCESS) {
        return error_set(error, ERROR_IO, "Paho does not send: %s", MQTTAsync_strerror(code));
    }
    int result = wait_answer(link, ANSWER_TIMEOUT_MS, error);
    if (result == ERROR_INPUT) {
        pthread_mutex_lock(&link->options.bell->lock);
        /* A negative code is Paho's own: the connection went away. */
        result = error_set(error, link->code < 0 ? ERROR_IO : ERROR_INPUT, "the broker refused %s: %s (code %d)",
                           filter, link->detail, link->code);
        pthread_mutex_unlock(&link->options.bell->lock);
    }
    return result;
}

int link_subscribe(struct link *link, const char *filter, struct error *error)
{
    MQTTAsync_responseOptions options = request_options(link);
    if (link->options.mqtt_version == 5) {
        options.onSuccess5 = on_subscribed5;
        options.subscribeOptions.retainHandling = 1; /* only where the session had no such subscription yet */
    } else {
        options.onSuccess = on_subscribed;
    }
    expect_answer(link);
    return finish_request(link, MQTTAsync_subscribe(link->handle, filter, 1, &options), filter, error);
}

int link_unsubscribe(struct link *link, const char *filter, struct error *error)
{
    MQTTAsync_responseOptions options = request_options(link);
    expect_answer(link);
    return finish_request(link, MQTTAsync_unsubscribe(link->handle, filter, &options), filter, error);
}

/* The message stays in the outbox if it was Paho's doing: the connection is going and the next one takes it. */
static void finish_message(struct outbox_message *message, int code)
{
    if (code < 0) {
        return;
    }
    if (code > 0) {
        log_warning("mqtt_publish_refused", "topic=\"%s\" code=%d", message->topic, code);
    }
    outbox_done(message);
}

static void on_sent5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    finish_message(context, 0);
}

static void on_unsent5(void *context, MQTTAsync_failureData5 *data)
{
    finish_message(context, data->reasonCode > 0 ? (int)data->reasonCode : -1);
}

static void on_sent(void *context, MQTTAsync_successData *data)
{
    (void)data;
    finish_message(context, 0);
}

static void on_unsent(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    finish_message(context, -1);
}

int link_send(struct link *link, struct outbox_message *message)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = message;
    if (link->options.mqtt_version == 5) {
        options.onSuccess5 = on_sent5;
        options.onFailure5 = on_unsent5;
    } else {
        options.onSuccess = on_sent;
        options.onFailure = on_unsent;
    }
    int code = MQTTAsync_send(link->handle, message->topic, (int)message->length, message->payload, message->qos,
                              message->retained, &options);
    return code == MQTTASYNC_SUCCESS ? 0 : ERROR_IO;
}

bool link_is_lost(const struct link *link)
{
    return atomic_load(&link->lost);
}

const char *link_lost_reason(const struct link *link)
{
    return link->reason;
}

bool link_was_taken_over(const struct link *link)
{
    return atomic_load(&link->taken_over);
}

bool link_was_cut(const struct link *link)
{
    return atomic_load(&link->cut);
}

/* Sends DISCONNECT and waits until it left. Stopping is no reason not to wait: it is why we are here. */
static void say_good_bye(struct link *link)
{
    static const _Atomic bool never = false;
    struct error ignored;
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    MQTTAsync_disconnectOptions options5 = MQTTAsync_disconnectOptions_initializer5;
    MQTTAsync_disconnectOptions *chosen = link->options.mqtt_version == 5 ? &options5 : &options;
    if (link->options.mqtt_version == 5) {
        chosen->onSuccess5 = on_success5;
        chosen->onFailure5 = on_failure5;
    } else {
        chosen->onSuccess = on_success;
        chosen->onFailure = on_failure;
    }
    chosen->context = link;
    chosen->timeout = GOOD_BYE_MS;
    link->options.stopping = &never;
    expect_answer(link);
    if (MQTTAsync_disconnect(link->handle, chosen) == MQTTASYNC_SUCCESS) {
        wait_answer(link, GOOD_BYE_MS, &ignored); /* the connection ends in any case */
    }
}

void link_close(struct link **at, bool good_bye)
{
    struct link *link = *at;
    *at = NULL;
    if (link == NULL) {
        return;
    }
    if (good_bye && link->handle != NULL && !atomic_load(&link->lost)) {
        say_good_bye(link);
    }
    if (link->handle != NULL) {
        MQTTAsync_destroy(&link->handle);
    }
    free(link);
}

/* A client that never connects: the library lives as long as any client does. */
int link_library_hold(void **hold, struct error *error)
{
    int code = MQTTAsync_create(hold, "tcp://127.0.0.1:1", "hold", MQTTCLIENT_PERSISTENCE_NONE, NULL);
    return code == MQTTASYNC_SUCCESS ? 0 : error_set(error, ERROR_MEMORY, "Paho does not start (code %d)", code);
}

void link_library_release(void **hold)
{
    if (*hold != NULL) {
        MQTTAsync_destroy(hold);
    }
}

const char *link_library_version(void)
{
    MQTTAsync_nameValue *info = MQTTAsync_getVersionInfo();
    for (; info != NULL && info->name != NULL; info++) {
        if (strcmp(info->name, "Version") == 0) {
            return info->value;
        }
    }
    return "";
}
