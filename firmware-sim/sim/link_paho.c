/*
 * One connection as Paho sees it. Paho calls back on its own threads, some of them with its lock held: the callbacks
 * here only post notes, which takes the inbox's lock and nothing else. The one exception is subscribing from the
 * callback of the connect, as Paho documents it.
 */
#include "link_internal.h"

#include "civil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_EXPIRY_S (24 * 3600)
#define KEEP_ALIVE_S     30
#define MESSAGE_MAX      8192 /* acknowledgements are far smaller */

static void post_state(struct link *link, enum link_note_kind kind, int code)
{
    struct link_note note = {.kind = kind, .link = link->index, .generation = link->handle_generation, .code = code};

    link_post(link->links, &note);
}

static void post_token(const struct token *token, enum link_note_kind kind)
{
    struct link_note note = {.kind = kind,
                             .link = token->link->index,
                             .token = token->index,
                             .generation = token->generation,
                             .tag = token->tag};

    link_post(token->link->links, &note);
}

static void on_lost(void *context, char *cause)
{
    (void)cause;
    post_state(context, LINK_DOWN, -1);
}

static char *copy_bytes(const char *bytes, size_t length)
{
    char *copy = malloc(length + 1);

    if (copy) {
        memcpy(copy, bytes, length);
        copy[length] = '\0';
    }
    return copy;
}

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
    struct link *link = context;
    struct link_note note = {.kind = LINK_MESSAGE, .link = link->index, .generation = link->handle_generation};

    if (message->payloadlen >= 0 && message->payloadlen <= MESSAGE_MAX) {
        note.length = (size_t)message->payloadlen;
        note.topic = copy_bytes(topic, topic_length > 0 ? (size_t)topic_length : strlen(topic));
        note.payload = copy_bytes(message->payload, note.length);
        if (note.topic && note.payload) {
            link_post(link->links, &note);
        } else {
            free(note.topic);
            free(note.payload);
        }
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void on_published(void *context, MQTTAsync_successData *data)
{
    (void)data;
    post_token(context, LINK_PUBLISHED);
}

static void on_published5(void *context, MQTTAsync_successData5 *data)
{
    /* 0x10: nobody subscribes to it; from 0x80 on the broker refused it. */
    post_token(context, (unsigned)data->reasonCode >= 0x80U ? LINK_REFUSED : LINK_PUBLISHED);
}

static void on_refused(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    post_token(context, LINK_REFUSED);
}

static void on_refused5(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    post_token(context, LINK_REFUSED);
}

static void on_failed(void *context, MQTTAsync_failureData *data)
{
    post_state(context, LINK_DOWN, data ? data->code : -1);
}

static void on_failed5(void *context, MQTTAsync_failureData5 *data)
{
    int code = -1;

    if (data) {
        code = data->reasonCode != MQTTREASONCODE_SUCCESS ? (int)data->reasonCode : data->code;
    }
    post_state(context, LINK_DOWN, code);
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    struct link *link = context;
    int refused = 0;

    for (uint32_t i = 0; link->identity->filter_count > 1 && i < link->identity->filter_count; i++) {
        refused += data->alt.qosList[i] > 2 ? 1 : 0;
    }
    refused += link->identity->filter_count == 1 && data->alt.qos > 2 ? 1 : 0;
    post_state(link, LINK_UP, refused);
}

static void on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
    struct link *link = context;
    uint32_t count = link->identity->filter_count;
    int refused = 0;

    /* Paho fills the list for two filters or more only, and leaves it undefined for one. */
    for (uint32_t i = 0; count > 1 && i < count && i < (uint32_t)data->alt.sub.reasonCodeCount; i++) {
        refused += (unsigned)data->alt.sub.reasonCodes[i] >= 0x80U ? 1 : 0;
    }
    refused += count == 1 && (unsigned)data->reasonCode >= 0x80U ? 1 : 0;
    post_state(link, LINK_UP, refused);
}

/* On Paho's thread: subscribing from the callback of the connect is what Paho documents. */
static void subscribe(struct link *link)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    uint32_t count = link->identity->filter_count;
    char **filters = calloc(count ? count : 1, sizeof *filters);
    int *qos = calloc(count ? count : 1, sizeof *qos);
    MQTTSubscribe_options *each = NULL;
    int result = -1;

    if (count == 0) {
        post_state(link, LINK_UP, 0);
        goto out;
    }
    each = calloc(count, sizeof *each);
    if (!filters || !qos || !each) {
        post_state(link, LINK_DOWN, -1);
        goto out;
    }
    for (uint32_t i = 0; i < count; i++) {
        /* Paho takes `char *const *` and does not write through it. */
        memcpy(&filters[i], &link->identity->filters[i], sizeof filters[i]);
        qos[i] = 1;
        each[i] = (MQTTSubscribe_options)MQTTSubscribe_options_initializer;
    }
    options.context = link;
    if (link->mqtt_311) {
        options.onSuccess = on_subscribed;
        options.onFailure = on_failed;
    } else {
        options.onSuccess5 = on_subscribed5;
        options.onFailure5 = on_failed5;
        options.subscribeOptionsList = each;
        options.subscribeOptionsCount = (int)count;
    }
    result = MQTTAsync_subscribeMany(link->handle, (int)count, filters, qos, &options);
    if (result != MQTTASYNC_SUCCESS) {
        post_state(link, LINK_DOWN, result);
    }
out:
    free(filters);
    free(qos);
    free(each);
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
    (void)data;
    subscribe(context);
}

static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    subscribe(context);
}

static int create_handle(struct link *link)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    char client_id[128];
    int result;

    if (link->handle) {
        MQTTAsync_destroy(&link->handle);
    }
    (void)snprintf(client_id, sizeof client_id, "%.100s-%u", link->links->settings.client_prefix, link->index);
    options.MQTTVersion = link->mqtt_311 ? MQTTVERSION_3_1_1 : MQTTVERSION_5;
    result = MQTTAsync_createWithOptions(&link->handle, link->links->uri, client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                         &options);
    if (result == MQTTASYNC_SUCCESS) {
        result = MQTTAsync_setCallbacks(link->handle, link, on_lost, on_message, NULL);
    }
    return result;
}

static int start_connect(struct link *link)
{
    const struct link_settings *settings = &link->links->settings;
    MQTTAsync_connectOptions five = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, .value.integer4 = SESSION_EXPIRY_S};
    int result;

    if (!link->mqtt_311) {
        options = five;
        options.cleanstart = 0;
        (void)MQTTProperties_add(&properties, &expiry);
        options.connectProperties = &properties;
        options.onSuccess5 = on_connected5;
        options.onFailure5 = on_failed5;
    } else {
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.cleansession = 0;
        options.onSuccess = on_connected;
        options.onFailure = on_failed;
    }
    options.context = link;
    options.keepAliveInterval = KEEP_ALIVE_S;
    options.connectTimeout = 15;
    options.username = link->identity->username;
    options.password = link->identity->password;
    options.maxInflight = (int)settings->in_flight;
    if (link->identity->will_topic) {
        will.topicName = link->identity->will_topic;
        will.message = link->identity->will_payload;
        will.retained = 1;
        will.qos = 1;
        options.will = &will;
    }
    if (link->links->tls) {
        tls.trustStore = settings->ca_file;
        tls.keyStore = settings->cert_file;
        tls.privateKey = settings->key_file;
        tls.enableServerCertAuth = 1;
        tls.verify = 1;
        options.ssl = &tls;
    }
    result = MQTTAsync_connect(link->handle, &options);
    MQTTProperties_free(&properties);
    return result;
}

int link_connect(struct link *link)
{
    int result = create_handle(link);

    return result == MQTTASYNC_SUCCESS ? start_connect(link) : result;
}

int link_send(struct link *link, struct token *token, const char *topic, const char *payload, size_t length, int qos,
              bool retained)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;

    options.context = token;
    if (link->mqtt_311) {
        options.onSuccess = on_published;
        options.onFailure = on_refused;
    } else {
        options.onSuccess5 = on_published5;
        options.onFailure5 = on_refused5;
    }
    return MQTTAsync_send(link->handle, topic, (int)length, payload, qos, retained ? 1 : 0, &options);
}
