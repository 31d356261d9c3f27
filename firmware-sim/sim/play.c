/*
 * The loop of `edutally-sim run`: take what the connections report, announce devices, offer the deliveries that are
 * due, resend, show progress. Stages follow each other: connect, announce and hear what is covered already, play,
 * drain. Virtual time runs at `speed` from the window's beginning and never overtakes the real clock, because a
 * collector quarantines what lies in the future.
 */
#include "play.h"

#include "civil.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES = 256, TURN_DELIVERIES = 500 };

enum stage { STAGE_CONNECT, STAGE_ANNOUNCE, STAGE_PLAY, STAGE_DRAIN, STAGE_DONE };

struct play {
    const struct plan *plan;
    const struct play_settings *settings;
    struct links *links;
    struct player *player;
    struct deliver *deliver;
    const struct delivery *held; /* offered, but there was no room */
    enum stage stage;
    int64_t stage_us; /* when it began */
    int64_t begin_us;
    int64_t next_resend_us;
    int64_t virtual_ms;
    bool played_out; /* nothing more will come */
    struct progress progress;
};

static void enter(struct play *play, enum stage stage)
{
    play->stage = stage;
    play->stage_us = civil_tick_us();
}

static bool lasted(const struct play *play, int64_t seconds)
{
    return civil_tick_us() - play->stage_us >= seconds * 1000000;
}

static int64_t virtual_now_ms(const struct play *play)
{
    int64_t now_ms = civil_now_ms(), virtual_ms = now_ms;

    if (play->settings->speed > 0) {
        double passed_ms = (double)(civil_tick_us() - play->stage_us) / 1000.0 * play->settings->speed;

        virtual_ms = play->settings->from_ms + (int64_t)passed_ms;
    }
    virtual_ms = virtual_ms < now_ms ? virtual_ms : now_ms;
    return virtual_ms < play->settings->to_ms ? virtual_ms : play->settings->to_ms;
}

static void show(struct play *play)
{
    static const char *const stages[] = {"connecting", "announcing", "", "draining", "done"};
    const struct player_counts *counts = player_counts(play->player);
    char date[CIVIL_TIME_MAX], line[160];

    if (play->stage == STAGE_PLAY) {
        civil_format_time(play->virtual_ms, play->plan->scenario->utc_offset_minutes, date);
        date[16] = '\0'; /* to the minute */
    } else {
        (void)snprintf(date, sizeof date, "%s", stages[play->stage]);
    }
    (void)snprintf(line, sizeof line, "%s  devices %u/%u  made %llu  acked %llu  in flight %u%s%s", date,
                   counts->announced, play->plan->device_count, (unsigned long long)counts->events,
                   (unsigned long long)counts->covered, links_in_flight(play->links),
                   links_trouble(play->links)[0] ? "  " : "", links_trouble(play->links));
    progress_show(&play->progress, line);
}

/* Deliveries before the window are over; the devices' counters go past them. */
static int skip_to_window(struct play *play, struct error *error)
{
    const struct delivery *delivery;
    int got;

    while ((got = deliver_next(play->deliver, &delivery, error)) > 0) {
        if (delivery->kind == DELIVERY_NEW) {
            player_passed(play->player, delivery);
        }
    }
    return got;
}

static int offer_due(struct play *play, struct error *error)
{
    int64_t limit = play->settings->outbox_events;

    play->virtual_ms = virtual_now_ms(play);
    deliver_extend(play->deliver, play->virtual_ms == play->settings->to_ms ? play->virtual_ms : play->virtual_ms + 1);
    for (int i = 0; i < TURN_DELIVERIES && (int64_t)player_uncovered(play->player) < limit; i++) {
        int got = play->held ? 1 : deliver_next(play->deliver, &play->held, error);

        if (got < 0) {
            return got;
        }
        if (got == 0) {
            play->held = NULL;
            play->played_out = play->virtual_ms >= play->settings->to_ms;
            return 0;
        }
        got = player_offer(play->player, play->held);
        if (got < 0) {
            return error_set(error, ERROR_MEMORY, "out of memory for the outboxes; lower --outbox-events");
        }
        if (got == 0) {
            return 0;
        }
        play->held = NULL;
    }
    return 0;
}

static int take_notes(struct play *play, int wait_ms)
{
    struct link_note notes[NOTES];
    uint32_t count = links_take(play->links, notes, NOTES, wait_ms);

    for (uint32_t i = 0; i < count; i++) {
        if (notes[i].kind == LINK_UP && notes[i].code > 0) {
            progress_end(&play->progress);
            (void)fprintf(stderr,
                          "event=subscription_refused filters=%d hint=\"the broker's ACL must let this user read "
                          "edu/v1/+/+/+/ack, or nothing is ever acknowledged end to end\"\n",
                          notes[i].code);
        }
        (void)player_note(play->player, &notes[i]);
    }
    return (int)count;
}

static int turn(struct play *play, struct error *error)
{
    const struct play_settings *settings = play->settings;
    const struct player_counts *counts = player_counts(play->player);
    int result = 0;

    switch (play->stage) {
    case STAGE_CONNECT:
        if (links_up(play->links) > 0) {
            enter(play, STAGE_ANNOUNCE);
        } else if (links_rejected(play->links) || lasted(play, settings->connect_seconds)) {
            return error_set(error, ERROR_FAILED, "%s: %s; check --server, --username, --password-file and the broker",
                             settings->link.server,
                             links_trouble(play->links)[0] ? links_trouble(play->links) : "no connection");
        }
        break;
    case STAGE_ANNOUNCE:
        (void)player_announce(play->player);
        if (counts->answered == play->plan->device_count || lasted(play, settings->birth_wait_seconds)) {
            enter(play, STAGE_PLAY);
        }
        break;
    case STAGE_PLAY:
        (void)player_announce(play->player);
        result = offer_due(play, error);
        if (play->played_out) {
            enter(play, STAGE_DRAIN);
        }
        break;
    case STAGE_DRAIN:
        (void)player_announce(play->player);
        if (player_uncovered(play->player) == 0 || lasted(play, settings->drain_seconds)) {
            enter(play, STAGE_DONE);
        }
        break;
    case STAGE_DONE:
        break;
    }
    return result;
}

static int loop(struct play *play, struct error *error)
{
    int result = 0;

    enter(play, STAGE_CONNECT);
    while (play->stage != STAGE_DONE && result == 0 && !*play->settings->stop) {
        bool busy = play->stage == STAGE_PLAY && play->settings->speed <= 0 && !play->held && !play->played_out;

        links_poll(play->links);
        (void)take_notes(play, busy && play->virtual_ms < civil_now_ms() - 60000 ? 0 : 20);
        result = turn(play, error);
        if (play->stage >= STAGE_PLAY && civil_tick_us() >= play->next_resend_us) {
            player_resend(play->player);
            play->next_resend_us = civil_tick_us() + 100000;
        }
        if (progress_due(&play->progress)) {
            show(play);
        }
    }
    show(play);
    progress_end(&play->progress);
    return result;
}

static int open_play(struct play *play, struct gateways *gateways, struct error *error)
{
    const struct plan *plan = play->plan;
    const char **ids = calloc(plan->centre_count, sizeof *ids);
    int result;

    if (!ids) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < plan->centre_count; i++) {
        ids[i] = plan->centres[i].centre->id;
    }
    result = gateways_make(&play->settings->gateway, ids, plan->centre_count, gateways, error);
    free(ids);
    if (result == 0) {
        result = links_open(&play->settings->link, gateways->identities, gateways->count, &play->links, error);
    }
    if (result == 0) {
        play->player = player_open(plan, gateways, play->links, (uint32_t)play->settings->resend_seconds * 1000U);
        play->deliver = deliver_open(plan, play->settings->from_ms);
        result = play->player && play->deliver ? 0 : error_set(error, ERROR_MEMORY, "out of memory");
    }
    return result ? result : skip_to_window(play, error);
}

int play(const struct plan *plan, const struct play_settings *settings, struct play_result *result, struct error *error)
{
    struct play play = {.plan = plan, .settings = settings};
    struct gateways gateways = {0};
    int failed;

    *result = (struct play_result){0};
    play.begin_us = civil_tick_us();
    progress_begin(&play.progress, 5);
    failed = open_play(&play, &gateways, error);
    if (failed == 0) {
        failed = loop(&play, error);
        player_say_goodbye(play.player, 3000);
        result->counts = *player_counts(play.player);
        result->uncovered = player_uncovered(play.player);
        result->stopped = *settings->stop != 0;
        result->seconds = (double)(civil_tick_us() - play.begin_us) / 1e6;
    }
    if (failed == 0 && result->uncovered > 0 && !result->stopped) {
        failed = error_set(error, ERROR_FAILED,
                           "%llu events were not acknowledged end to end within %lld s; is the collector running on "
                           "this broker? Start again to go on where this stopped",
                           (unsigned long long)result->uncovered, (long long)settings->drain_seconds);
    }
    links_close(&play.links, 1000);
    player_close(&play.player);
    deliver_close(&play.deliver);
    gateways_free(&gateways);
    return failed;
}
