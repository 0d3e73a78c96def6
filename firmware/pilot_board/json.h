/* One JSON object in a line, read in place: no tree, no allocation, no recursion. Text is ASCII; what is not is no JSON here. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>

#define JSON_LINE 240U /* octets of a line at most, so of nesting */

enum json_kind { JSON_ABSENT, JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_INTEGER, JSON_REAL, JSON_STRING, JSON_NESTED };

struct json_value {
    enum json_kind kind;
    uint16_t begin; /* in the line; of a string behind its opening quote */
    uint16_t end;   /* behind its last octet; of a string before its closing quote */
};

/* Whether `line` is a JSON object (RFC 8259) and nothing else. */
bool json_is_object(const uint8_t *line, uint16_t length);

/* The member of this name of an object, the last one where there are several; JSON_ABSENT: there is none. */
struct json_value json_member(const uint8_t *line, uint16_t length, const char *name);

/* Whether a string is this text, its escapes read. */
bool json_is(const uint8_t *line, struct json_value string, const char *text);

/* An integer; one that is beyond ±1,000,000 is that. */
int32_t json_integer(const uint8_t *line, struct json_value integer);

#endif
