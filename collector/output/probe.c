/*
 * The question that `edutally check` asks: is the server there, and would it take our points? An empty write answers it
 * without writing: InfluxDB 1 looks at user, database, right and retention policy before it looks at the (missing)
 * lines (1.6.7: 401, 404, 403, 500, else 204), VictoriaMetrics says 204, InfluxDB 2 checks token and bucket and then
 * answers 400 "writing requires points", which is as good.
 */
#include "output/output.h"

#include "delivery.h"
#include "influx.h"

#include <string.h>

static int judge(const struct settings_output *settings, const struct influx_reply *reply, struct error *error)
{
    if (!reply->answered) {
        return error_set(error, ERROR_IO, "%s: %.150s", settings->url, reply->text);
    }
    enum delivery_verdict verdict = delivery_judge(reply);
    if (verdict == DELIVERY_DONE ||
        (verdict == DELIVERY_BAD_DATA && settings->type == OUTPUT_INFLUXDB2 && strstr(reply->text, "points") != NULL)) {
        return 0;
    }
    const char *remedy = reply->status == 401   ? "check username and password_file, or token_file"
                         : reply->status == 403 ? "give this user or token the right to write there"
                         : reply->status == 404 ? "make the database or bucket, or mend its name or the url"
                         : reply->status == 200 ? "something else than the database answers there: mend the url"
                                                : "see the server's log";
    return error_set(error, ERROR_IO, "%s answers %ld %.90s: %s", settings->url, reply->status, reply->text, remedy);
}

int output_probe(const struct settings_output *settings, struct error *error)
{
    struct influx *influx = NULL;
    struct influx_reply reply;
    int result = influx_open(&influx, settings, error);
    if (result == 0 && (result = influx_write(influx, "", 0, &reply)) != 0) {
        error_set(error, result, "out of memory");
    }
    if (result == 0) {
        result = judge(settings, &reply, error);
    }
    influx_close(&influx);
    return result;
}
