/* Every limit on input stands here, with its reason. Sizes in bytes unless said otherwise. */
#ifndef PLAZO_BASE_LIMITS_H
#define PLAZO_BASE_LIMITS_H

/* JSON */
#define JSON_MAX_DEPTH        32          /* deepest real webhook seen: 9 */
#define JSON_MAX_NODES        (1u << 20)  /* a tape of 16 MiB */

/* Ticket events */
#define EVENT_MAX_ID          128         /* `id` and `ticket` */
#define EVENT_MAX_ATTR        256         /* one attribute's text */
#define EVENT_MAX_SUBJECT     512
#define EVENT_MAX_URL         1024
#define EVENT_MAX_TAGS        32          /* number of tags */
#define EVENT_MAX_NAME        128         /* an actor's name */
#define EVENT_MAX_REASON      512
#define EVENT_MAX_SIZE        (64u << 10) /* one event as JSON text */
#define TICKET_MAX_EVENTS     4096        /* of one ticket: a decision looks at all of them */

/* HTTP, where the configuration does not say otherwise */
#define HTTP_MAX_HEAD         (16u << 10) /* request line and headers; browsers and proxies stay below 8 KiB */
#define HTTP_MAX_TARGET       4096        /* of the request line */
#define HTTP_MAX_HEADERS      100
#define HTTP_MAX_BODY         (1u << 20)  /* limits.body */
#define HTTP_MAX_BULK         (8u << 20)  /* limits.bulk */
#define HTTP_MAX_BODIES       (256u << 20) /* all that are being read and worked on, together */
#define HTTP_CHUNK_LINE_MAX   256         /* a size with its extensions, or one trailer */
#define HTTP_CHUNK_TRAILERS   32
#define HTTP_CHUNK_EXTENSIONS (16u << 10) /* of a whole body: they are not of it, and so would be a way around its limit */
#define INTAKE_MAX_EVENTS     65536u      /* of one request: 28 MiB of struct event */

/* Configuration */
#define CONFIG_MAX_FILE       (1u << 20)
#define CONFIG_MAX_DEPTH      16
#define CONFIG_MAX_ERRORS     100         /* told one by one; the rest is counted */
#define CONFIG_MAX_FILES      256         /* included files in all */
#define CONFIG_MAX_NAME       64          /* names of calendars, policies, contracts, receivers, … */
#define CONFIG_MAX_STEPS      32          /* steps of one escalation */
#define CONFIG_MAX_TIMES      1000        /* firings of one repeated step */
#define CONFIG_MAX_CALENDARS  500         /* each has a table of some 150 KiB */
#define CONFIG_MAX_TARGETS    256         /* entries of one list of targets: overrides are merged pair by pair */
#define CONFIG_MAX_VALUES     256         /* of one key of a condition: compared pair by pair */
#define CONFIG_MAX_STREAMS    16          /* of one Redis source: one command reads them all */
#define CONFIG_MAX_SENTINELS  8           /* of one Redis source: each is asked in turn */
#define CONFIG_MAX_RECIPIENTS 64         /* of one receiver by mail: a bit each says who has it */
#define CONFIG_MAX_METRICS    16          /* metrics of one policy */

/* Zones and calendars */
#define ZONE_MAX_FILE         (256u << 10)
#define ICAL_MAX_FILE         (1u << 20)
#define CALENDAR_MAX_SPANS    16          /* windows of one day */

#endif
