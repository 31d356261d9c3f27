/*
 * Two threads. Paho's receive thread hands each message to the sink (arrive) and lets Paho acknowledge it only once the
 * sink has it; while the sink has no room the thread waits, for at most a third of the keep-alive, since it also sends
 * the pings; then the connection is cut with the message unacknowledged (how: link.c). Our own thread does all the
 * rest: it connects, subscribes, publishes what others left in the outbox, notices the end of a connection, waits and
 * begins again. It alone calls Paho, for Paho's calls wait while a message does.
 *
 * Invariants: every message with QoS 1 that the broker was told to forget is in the sink. The session (client id) is
 * persistent; the file mqtt-filters names what it is subscribed to, so a session that the broker should have and has
 * not is a possible gap: counted and logged. A link is never used again; nothing of one connection reaches the next.
 */
#include "ingest/ingest.h"

#include "backoff.h"
#include "bell.h"
#include "bounds.h"
#include "connect.h"
#include "echo.h"
#include "filters.h"
#include "link.h"
#include "outbox.h"

#include "base/file.h"
#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SINK_STEP_MS = 50,  /* between two offers of a message that found no room */
    THROWN_OUT = 3,     /* so many short lives in a row are no accident */
    ROOM_STEP_MS = 200, /* between two looks whether there is room again */
    OFFLINE_MS = 2000   /* for the last words, when stopping */
};

static const struct ingest_bounds usual_bounds = {
    .backoff_first_ms = 1000, .backoff_most_ms = 60000, .stable_ms = 30000, .silence_ms = 60000, .answer_ms = 30000};

struct ingest {
    const struct settings *settings;
    struct counters *counters;
    struct ingest_sink sink;
    struct ingest_bounds bounds;
    struct buffer filters_path;
    struct buffer state_topic;
    struct bell bell;
    struct outbox outbox;
    struct filters wanted;
    struct connect_plan plan;
    void *library; /* link_library_hold */
    struct backoff backoff;
    struct echo echo;
    unsigned short_lives; /* connections in a row that were made and ended soon, not by us */
    pthread_t thread;
    _Atomic bool stopping;
    _Atomic bool online; /* connected */
    _Atomic bool ready;  /* connected and subscribed */
};

/* ---- Paho's thread ---- */

/* `edu/v1/{realm}/collector/{client id}/state`: a collector's own words, ours or another's; not a centre's. */
static bool is_collector_state(const char *topic, size_t length)
{
    static const char centre[] = "/collector/", kind[] = "/state";
    const char *end = topic + length;
    int slashes = 0;
    if (length < sizeof kind || memcmp(end - (sizeof kind - 1), kind, sizeof kind - 1) != 0) {
        return false;
    }
    for (; topic < end; topic++) {
        if (*topic == '/' && ++slashes == 3) {
            return (size_t)(end - topic) >= sizeof centre - 1 && memcmp(topic, centre, sizeof centre - 1) == 0;
        }
    }
    return false;
}

/* Offers the message until the sink takes it. -1: the bound is reached, or we are to stop. While it waits here nothing
 * else arrives, which is no silence of the broker's. */
static int offer(struct ingest *ingest, const struct link_message *message)
{
    int64_t started_ms = clock_steady_ms(), patience_ms = ingest->settings->mqtt_keep_alive_s * 1000 / 3;
    const struct timespec step = {.tv_nsec = SINK_STEP_MS * 1000000L};
    while (ingest->sink.take(ingest->sink.context, message->topic, message->topic_length, message->payload,
                             message->payload_length) != 0) {
        int64_t waited_ms = clock_steady_ms() - started_ms;
        echo_hear(&ingest->echo, clock_steady_ms(), false);
        if (atomic_load(&ingest->stopping) || waited_ms + SINK_STEP_MS > patience_ms) {
            log_error("ingest_held",
                      "waited_ms=%lld qos=%d reason=\"there is no room\" effect=\"connection dropped, message "
                      "not acknowledged%s\"",
                      (long long)waited_ms, message->qos, message->qos == 0 ? "; it had QoS 0 and is lost" : "");
            return -1;
        }
        nanosleep(&step, NULL);
    }
    return 0;
}

static int arrive(void *context, const struct link_message *message)
{
    struct ingest *ingest = context;
    const char *own = ingest->state_topic.bytes;
    bool is_own = message->topic_length == strlen(own) && memcmp(message->topic, own, message->topic_length) == 0;
    echo_hear(&ingest->echo, clock_steady_ms(), is_own);
    if (is_collector_state(message->topic, message->topic_length)) {
        return 0;
    }
    if (message->repeated) {
        counter_add(ingest->counters, COUNTER_messages_repeated, 1);
    }
    if (offer(ingest, message) != 0) {
        return -1;
    }
    counter_add(ingest->counters, COUNTER_messages_received, 1);
    counter_set(ingest->counters, COUNTER_mqtt_last_message_ms, clock_wall_ms());
    return 0;
}

/* ---- our thread: the session's subscriptions ---- */

static void set_ready(struct ingest *ingest, bool ready)
{
    atomic_store(&ingest->ready, ready);
    counter_set(ingest->counters, COUNTER_mqtt_connected, ready ? 1 : 0);
}

static int save_filters(struct ingest *ingest, const struct filters *filters)
{
    struct error error = {0};
    if (filters_save(filters, ingest->filters_path.bytes, ingest->settings->mqtt_client_id, &error) == 0) {
        return 0;
    }
    log_error("filters_not_saved", "reason=\"%s\"", error.text);
    return ERROR_IO;
}

/* The file first names all that the session may be subscribed to, so that a crash leaves nothing forgotten. */
static int save_union(struct ingest *ingest, const struct filters *stored)
{
    struct filters both = {0};
    int result = 0;
    for (size_t i = 0; i < stored->count && result == 0; i++) {
        result = filters_add(&both, stored->list[i]);
    }
    for (size_t i = 0; i < ingest->wanted.count && result == 0; i++) {
        result = filters_add(&both, ingest->wanted.list[i]);
    }
    result = result == 0 ? save_filters(ingest, &both) : result;
    filters_free(&both);
    return result;
}

/* Asks for each filter; one that is refused does not keep the others from flowing. Returns 0, ERROR_INPUT if any was
 * refused, or what ended the connection. */
static int subscribe_wanted(struct ingest *ingest, struct link *link)
{
    int result = 0;
    for (size_t i = 0; i < ingest->wanted.count; i++) {
        struct error error = {0};
        int one = link_subscribe(link, ingest->wanted.list[i], &error);
        if (one == 0) {
            continue;
        }
        log_error("mqtt_subscribe_failed", "filter=\"%s\" reason=\"%s\"", ingest->wanted.list[i], error.text);
        if (one != ERROR_INPUT) {
            return one;
        }
        result = ERROR_INPUT;
    }
    return result;
}

static int unsubscribe_removed(struct ingest *ingest, struct link *link, const struct filters *stored)
{
    for (size_t i = 0; i < stored->count; i++) {
        struct error error = {0};
        if (filters_contain(&ingest->wanted, stored->list[i])) {
            continue;
        }
        int result = link_unsubscribe(link, stored->list[i], &error);
        if (result != 0) {
            log_error("mqtt_unsubscribe_failed", "filter=\"%s\" reason=\"%s\"", stored->list[i], error.text);
            return result;
        }
        log_info("mqtt_unsubscribed", "filter=\"%s\" reason=\"no longer in the configuration\"", stored->list[i]);
    }
    return 0;
}

static void note_gap(struct ingest *ingest)
{
    counter_set(ingest->counters, COUNTER_mqtt_gap_suspected_ms, clock_wall_ms());
}

static void note_lost_session(struct ingest *ingest)
{
    note_gap(ingest);
    counter_add(ingest->counters, COUNTER_mqtt_sessions_lost, 1);
    log_warning("session_lost",
                "client_id=\"%s\" effect=\"messages that the broker kept for us are gone\" "
                "remedy=\"is the broker's persistence on, its queue large enough, and the client id used "
                "once?\"",
                ingest->settings->mqtt_client_id);
}

/* Brings the session's subscriptions to what is wanted. Every filter is asked for, in a session that should have it
 * too: a broker that lost power may come back with an older state of the session, in which a filter was not there yet.
 * `fresh`: the connection was just made. 0, ERROR_INPUT (refused, try again), ERROR_IO or ERROR_BUSY (the connection is
 * over). */
static int subscribe(struct ingest *ingest, struct link *link, bool fresh, bool session_present)
{
    struct filters stored = {0};
    bool known = false;
    struct error error = {0};
    if (filters_load(&stored, &known, ingest->filters_path.bytes, ingest->settings->mqtt_client_id, &error) != 0) {
        log_warning("filters_unreadable", "reason=\"%s\"", error.text);
    }
    if (fresh && known && !session_present) {
        note_lost_session(ingest);
    }
    bool changed = !known || !filters_equal(&stored, &ingest->wanted);
    bool saved = !changed || save_union(ingest, &stored) == 0; /* if not: messages matter more, and it is tried again */
    int result = subscribe_wanted(ingest, link);
    if (result == 0 && session_present) {
        result = unsubscribe_removed(ingest, link, &stored);
    }
    if (result == 0 && changed) {
        result = saved && save_filters(ingest, &ingest->wanted) == 0 ? 0 : ERROR_INPUT;
    }
    filters_free(&stored);
    return result;
}

/* ---- our thread: one connection ---- */

static void send_waiting(struct ingest *ingest, struct link *link)
{
    struct outbox_message *message;
    while (!link_is_lost(link) && (message = outbox_take(&ingest->outbox)) != NULL) {
        if (link_send(link, message) != 0) {
            log_debug("mqtt_send_failed", "topic=\"%s\"", message->topic);
            break; /* it stays under way: the link is ending, and takes all back with it */
        }
    }
}

/* Until there is something to do: to send, the link's end, stopping, or `until_ms`. */
static void wait_for_work(struct ingest *ingest, const struct link *link, int64_t until_ms)
{
    pthread_mutex_lock(&ingest->bell.lock);
    while (!atomic_load(&ingest->stopping) && !link_is_lost(link) && !outbox_has_next(&ingest->outbox) &&
           clock_steady_ms() < until_ms) {
        bell_wait(&ingest->bell, until_ms);
    }
    pthread_mutex_unlock(&ingest->bell.lock);
}

static int publish_state(struct ingest *ingest, bool online)
{
    const char *payload = online ? CONNECT_ONLINE : CONNECT_OFFLINE;
    return outbox_add(&ingest->outbox, ingest->state_topic.bytes, payload, strlen(payload), 1, true);
}

static void say_online(struct ingest *ingest)
{
    if (publish_state(ingest, true) != 0) {
        log_warning("mqtt_online_unsaid", "topic=\"%s\"", ingest->state_topic.bytes);
    }
}

static void set_deaf(struct ingest *ingest, bool deaf)
{
    counter_set(ingest->counters, COUNTER_mqtt_deaf, deaf ? 1 : 0);
    if (deaf) {
        log_error("mqtt_deaf",
                  "client_id=\"%s\" reason=\"the broker took our subscriptions and sends us nothing, not even our own "
                  "state\" remedy=\"may this user read edu/v1/%s/# in the broker's access list?\"",
                  ingest->settings->mqtt_client_id, ingest->settings->realms[0]);
    } else {
        log_info("mqtt_heard", "client_id=\"%s\" note=\"the broker sends us messages\"",
                 ingest->settings->mqtt_client_id);
    }
}

/* Sees to it that messages come (echo.h). False: the connection is to end; a new one may be better. */
static bool listen(struct ingest *ingest, struct link *link)
{
    enum echo_step step = echo_next(&ingest->echo, clock_steady_ms());
    switch (step) {
    case ECHO_WAIT:
        return true;
    case ECHO_RECONNECT:
        return false;
    case ECHO_DEAF:
    case ECHO_HEARD:
        set_deaf(ingest, step == ECHO_DEAF);
        return true;
    case ECHO_SUBSCRIBE:
        log_warning("mqtt_silent", "note=\"our own state did not come back; subscribing again\"");
        if (subscribe_wanted(ingest, link) == ERROR_IO) {
            return false;
        }
        break;
    case ECHO_ASK:
        break;
    }
    say_online(ingest);
    echo_asked(&ingest->echo, clock_steady_ms());
    return true;
}

/* Serves the connection to its end, or until we are to stop. Returns why it should end, NULL if it ended by itself. */
static const char *serve(struct ingest *ingest, struct link *link, bool session_present)
{
    struct backoff retry = {.first_ms = ingest->bounds.backoff_first_ms, .most_ms = ingest->bounds.backoff_most_ms};
    bool subscribed = false, fresh = true;
    int64_t subscribe_at_ms = 0;
    say_online(ingest);
    while (!atomic_load(&ingest->stopping) && !link_is_lost(link)) {
        if (!subscribed && clock_steady_ms() >= subscribe_at_ms) {
            int result = subscribe(ingest, link, fresh, session_present);
            subscribed = result == 0;
            set_ready(ingest, subscribed);
            if (result == ERROR_IO) {
                return "the broker does not answer"; /* or it is gone: both end the connection */
            }
            if (subscribed && !fresh) {
                say_online(ingest); /* the first one left before anybody listened for it */
            }
            fresh = false;
            echo_begin(&ingest->echo, clock_steady_ms());
            subscribe_at_ms = clock_steady_ms() + retry.first_ms / 2 + backoff_next_ms(&retry);
        }
        if (subscribed && !listen(ingest, link)) {
            return "the broker sends us nothing any more";
        }
        send_waiting(ingest, link);
        wait_for_work(ingest, link, subscribed ? echo_due_ms(&ingest->echo) : subscribe_at_ms);
    }
    return NULL;
}

/* Says "offline" and gives what waits a moment to leave. */
static void say_last_words(struct ingest *ingest, struct link *link)
{
    int64_t until_ms = clock_steady_ms() + OFFLINE_MS;
    if (publish_state(ingest, false) != 0) {
        log_warning("mqtt_offline_unsaid", "topic=\"%s\"", ingest->state_topic.bytes);
    }
    pthread_mutex_lock(&ingest->bell.lock);
    while (ingest->outbox.messages > 0 && !link_is_lost(link) && clock_steady_ms() < until_ms) {
        bool more = outbox_has_next(&ingest->outbox);
        if (more) {
            pthread_mutex_unlock(&ingest->bell.lock);
            send_waiting(ingest, link);
            pthread_mutex_lock(&ingest->bell.lock);
        } else {
            bell_wait(&ingest->bell, until_ms);
        }
    }
    pthread_mutex_unlock(&ingest->bell.lock);
}

/* Whoever has our client id gets our messages: a gap, and a fight in which each throws the other out. */
static void note_takeover(struct ingest *ingest)
{
    note_gap(ingest);
    counter_add(ingest->counters, COUNTER_mqtt_takeovers, 1);
    log_error("session_taken_over",
              "client_id=\"%s\" effect=\"another client connected with our id and gets our messages\" "
              "remedy=\"stop it, or give each collector a mqtt.client_id of its own\"",
              ingest->settings->mqtt_client_id);
}

static void end_link(struct ingest *ingest, struct link *link, int64_t connected_ms, const char *why)
{
    bool lost = link_is_lost(link), stopping = atomic_load(&ingest->stopping);
    int64_t held_ms = clock_steady_ms() - connected_ms;
    atomic_store(&ingest->online, false);
    set_ready(ingest, false);
    if (stopping && !lost) {
        say_last_words(ingest, link);
        return;
    }
    char safe[200];
    counter_add(ingest->counters, COUNTER_mqtt_disconnects, 1);
    log_warning("mqtt_disconnected", "after_s=%lld reason=\"%s\"", (long long)(held_ms / 1000),
                lost || why == NULL ? log_safe(link_lost_reason(link), safe, sizeof safe) : why);
    ingest->short_lives =
        held_ms < ingest->bounds.stable_ms && lost && !link_was_cut(link) ? ingest->short_lives + 1 : 0;
    if (link_was_taken_over(link)) {
        note_takeover(ingest); /* the waits grow on, however long it was ours: else the fight would never calm down */
    } else if (held_ms >= ingest->bounds.stable_ms) {
        backoff_reset(&ingest->backoff);
    } else if (ingest->short_lives >= THROWN_OUT) { /* brokers before MQTT 5, and mosquitto 2.0, do not say why */
        log_error("mqtt_thrown_out",
                  "times=%u client_id=\"%s\" remedy=\"is the client id used by another client too? if not, the network "
                  "or the broker is unwell\"",
                  ingest->short_lives, ingest->settings->mqtt_client_id);
    }
}

/* The sink had no room, and the session is kept: what comes meanwhile waits in the broker. */
static void wait_for_room(struct ingest *ingest)
{
    if (ingest->sink.has_room == NULL || ingest->sink.has_room(ingest->sink.context)) {
        return;
    }
    log_warning("ingest_waits_for_room", "note=\"connects again when there is room\"");
    pthread_mutex_lock(&ingest->bell.lock);
    while (!atomic_load(&ingest->stopping) && !ingest->sink.has_room(ingest->sink.context)) {
        bell_wait(&ingest->bell, clock_steady_ms() + ROOM_STEP_MS);
    }
    pthread_mutex_unlock(&ingest->bell.lock);
    backoff_reset(&ingest->backoff); /* it was not the broker, and this was the wait */
}

static void wait_before_retry(struct ingest *ingest)
{
    int64_t until_ms = clock_steady_ms() + backoff_next_ms(&ingest->backoff);
    pthread_mutex_lock(&ingest->bell.lock);
    while (!atomic_load(&ingest->stopping) && clock_steady_ms() < until_ms) {
        bell_wait(&ingest->bell, until_ms);
    }
    pthread_mutex_unlock(&ingest->bell.lock);
}

/* One connection, from its beginning to its end. */
static void use_link(struct ingest *ingest, struct link **link, bool session_present)
{
    int64_t connected_ms = clock_steady_ms();
    counter_add(ingest->counters, COUNTER_mqtt_connects, 1);
    log_info("mqtt_connected", "server=\"%s\" client_id=\"%s\" mqtt=%s session_present=%d", ingest->plan.server.uri,
             ingest->settings->mqtt_client_id, ingest->plan.mqtt_version == 5 ? "5" : "3.1.1", session_present);
    atomic_store(&ingest->online, true);
    const char *why = serve(ingest, *link, session_present);
    end_link(ingest, *link, connected_ms, why);
    bool no_room = link_was_cut(*link);
    link_close(link, atomic_load(&ingest->stopping));
    outbox_take_back(&ingest->outbox);
    if (no_room) {
        wait_for_room(ingest);
    }
}

static void *run(void *argument)
{
    struct ingest *ingest = argument;
    while (!atomic_load(&ingest->stopping)) {
        struct link *link = NULL;
        struct link_answer answer;
        struct error error = {0};
        int result = connect_link(&link, &ingest->plan, &answer, &error);
        if (result == 0) {
            use_link(ingest, &link, answer.session_present);
        } else if (result != ERROR_BUSY) {
            char safe[sizeof error.text];
            ingest->short_lives = 0;
            counter_add(ingest->counters, COUNTER_mqtt_connect_failures, 1);
            log_error("mqtt_connect_failed", "server=\"%s\" reason=\"%s\"", ingest->plan.server.uri,
                      log_safe(error.text, safe, sizeof safe));
        }
        wait_before_retry(ingest);
    }
    return NULL;
}

/* ---- any thread ---- */

static void free_ingest(struct ingest *ingest)
{
    link_library_release(&ingest->library);
    filters_free(&ingest->wanted);
    outbox_free(&ingest->outbox);
    bell_destroy(&ingest->bell);
    buffer_free(&ingest->filters_path);
    buffer_free(&ingest->state_topic);
    free(ingest);
}

/* Everything but the thread. */
static int prepare(struct ingest *ingest, const char *state_directory, struct error *error)
{
    const struct settings *settings = ingest->settings;
    const struct ingest_bounds *bounds = &ingest->bounds;
    ingest->backoff = (struct backoff){.first_ms = bounds->backoff_first_ms, .most_ms = bounds->backoff_most_ms};
    ingest->echo = (struct echo){.silence_ms = bounds->silence_ms, .answer_ms = bounds->answer_ms};
    buffer_print(&ingest->filters_path, "%s/mqtt-filters", state_directory);
    buffer_print(&ingest->state_topic, "edu/v1/%s/collector/%s/state", settings->realms[0], settings->mqtt_client_id);
    if (ingest->filters_path.failed || ingest->state_topic.failed) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    int result = filters_wanted(&ingest->wanted, settings->realms, settings->realm_count, error);
    if (result == 0) {
        result = connect_prepare(&ingest->plan, settings, error);
    }
    ingest->plan.link.client_id = settings->mqtt_client_id;
    ingest->plan.link.will_topic = ingest->state_topic.bytes;
    ingest->plan.link.will_payload = CONNECT_OFFLINE;
    ingest->plan.link.arrived = arrive;
    ingest->plan.link.context = ingest;
    ingest->plan.link.bell = &ingest->bell;
    ingest->plan.link.stopping = &ingest->stopping;
    return result;
}

static void warn_of_slow_paho(void)
{
    const char *version = link_library_version();
    if (strcmp(version, "1.3.9") == 0 || strcmp(version, "1.3.10") == 0) {
        log_warning("paho_slow",
                    "version=%s reason=\"receives about 100 messages a second (paho.mqtt.c #1254)\" "
                    "remedy=\"install 1.3.12 or later\"",
                    version);
    }
}

int ingest_start(struct ingest **out, const struct settings *settings, const char *state_directory,
                 struct counters *counters, const struct ingest_sink *sink, struct error *error)
{
    return ingest_start_bounded(out, settings, state_directory, counters, sink, &usual_bounds, error);
}

int ingest_start_bounded(struct ingest **out, const struct settings *settings, const char *state_directory,
                         struct counters *counters, const struct ingest_sink *sink, const struct ingest_bounds *bounds,
                         struct error *error)
{
    *out = NULL;
    struct ingest *ingest = calloc(1, sizeof *ingest);
    if (ingest == NULL || bell_init(&ingest->bell) != 0) {
        free(ingest);
        return error_set(error, ERROR_MEMORY, "out of memory for the receiver");
    }
    ingest->settings = settings;
    ingest->counters = counters;
    ingest->sink = *sink;
    ingest->bounds = *bounds;
    outbox_init(&ingest->outbox, &ingest->bell);
    int result = prepare(ingest, state_directory, error);
    if (result == 0) {
        result = link_library_hold(&ingest->library, error);
    }
    if (result == 0 && pthread_create(&ingest->thread, NULL, run, ingest) != 0) {
        result = error_set(error, ERROR_MEMORY, "cannot start the receiver's thread");
    }
    if (result != 0) {
        free_ingest(ingest);
        return result;
    }
    warn_of_slow_paho();
    *out = ingest;
    return 0;
}

int ingest_publish(struct ingest *ingest, const char *topic, const void *payload, size_t length, int qos, bool retained)
{
    if (!atomic_load(&ingest->online)) {
        return ERROR_BUSY;
    }
    return outbox_add(&ingest->outbox, topic, payload, length, qos, retained);
}

bool ingest_is_connected(const struct ingest *ingest)
{
    return atomic_load(&ingest->ready);
}

void ingest_stop(struct ingest **at)
{
    struct ingest *ingest = *at;
    *at = NULL;
    if (ingest == NULL) {
        return;
    }
    atomic_store(&ingest->stopping, true);
    pthread_mutex_lock(&ingest->bell.lock);
    pthread_cond_broadcast(&ingest->bell.rung);
    pthread_mutex_unlock(&ingest->bell.lock);
    pthread_join(ingest->thread, NULL);
    free_ingest(ingest);
}

const char *ingest_library_version(void)
{
    return link_library_version();
}
