#include "json.h"

#include <string.h>

#define BEYOND 1000000

struct place {
    const uint8_t *line;
    uint16_t length;
    uint16_t at;
};

static uint8_t seen(const struct place *place)
{
    return (place->at < place->length) ? place->line[place->at] : 0U;
}

static bool is_digit(uint8_t octet)
{
    return (octet >= (uint8_t)'0') && (octet <= (uint8_t)'9');
}

static uint8_t hexadecimal(uint8_t octet) /* 16: it is none */
{
    uint8_t value = 16U;
    if (is_digit(octet)) {
        value = (uint8_t)(octet - (uint8_t)'0');
    } else if ((octet >= (uint8_t)'a') && (octet <= (uint8_t)'f')) {
        value = (uint8_t)(octet - (uint8_t)'a' + 10U);
    } else if ((octet >= (uint8_t)'A') && (octet <= (uint8_t)'F')) {
        value = (uint8_t)(octet - (uint8_t)'A' + 10U);
    } else {
        /* no digit */
    }
    return value;
}

static void skip_space(struct place *place)
{
    while ((seen(place) == (uint8_t)' ') || (seen(place) == (uint8_t)'\t') || (seen(place) == (uint8_t)'\r') ||
           (seen(place) == (uint8_t)'\n')) {
        place->at++;
    }
}

static bool take(struct place *place, char octet)
{
    const bool is = seen(place) == (uint8_t)octet;
    if (is) {
        place->at++;
    }
    return is;
}

static bool take_word(struct place *place, const char *word)
{
    const uint16_t length = (uint16_t)strlen(word);
    const bool is = (place->at <= place->length) && ((uint16_t)(place->length - place->at) >= length) &&
        (memcmp(&place->line[place->at], word, length) == 0);
    if (is) {
        place->at = (uint16_t)(place->at + length);
    }
    return is;
}

/* One character of a string, an escape read; 0xFFFF: there is none. What is beyond ASCII is 0x80. */
static uint16_t take_character(struct place *place)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    uint16_t found = 0xFFFFU;
    const uint8_t octet = seen(place);
    place->at++;
    if (octet == (uint8_t)'\\') {
        const uint8_t escape = seen(place);
        place->at++;
        const char *const known = (escape == 0U) ? NULL : strchr(escapes, (int)escape);
        if (known != NULL) {
            found = (uint16_t)(uint8_t)meanings[known - escapes];
        } else if (escape == (uint8_t)'u') {
            uint16_t value = 0;
            bool good = true;
            for (uint8_t i = 0; i < 4U; i++) {
                const uint8_t digit = hexadecimal(seen(place));
                good = good && (digit < 16U);
                value = (uint16_t)(((uint32_t)value << 4U) | (digit & 0xFU));
                place->at++;
            }
            found = (!good) ? 0xFFFFU : ((value < 0x80U) ? value : 0x80U);
        } else {
            /* no escape */
        }
    } else if ((octet >= 0x20U) && (octet < 0x80U)) {
        found = octet;
    } else {
        /* a control character, the end, or not ASCII */
    }
    return found;
}

static bool take_string(struct place *place, struct json_value *value)
{
    bool good = take(place, '"');
    value->kind = JSON_STRING;
    value->begin = place->at;
    while (good && (place->at < place->length) && (seen(place) != (uint8_t)'"')) {
        good = take_character(place) != 0xFFFFU;
    }
    value->end = place->at;
    return good && take(place, '"');
}

static bool take_digits(struct place *place)
{
    const bool any = is_digit(seen(place));
    while (is_digit(seen(place))) {
        place->at++;
    }
    return any;
}

static bool take_number(struct place *place, struct json_value *value)
{
    value->kind = JSON_INTEGER;
    value->begin = place->at;
    (void)take(place, '-');
    bool good = take(place, '0') || take_digits(place);
    if (take(place, '.')) {
        value->kind = JSON_REAL;
        good = good && take_digits(place);
    }
    if (take(place, 'e') || take(place, 'E')) {
        value->kind = JSON_REAL;
        if (!take(place, '+')) {
            (void)take(place, '-');
        }
        good = good && take_digits(place);
    }
    value->end = place->at;
    return good;
}

/* A value that holds no other one. */
static bool take_plain(struct place *place, struct json_value *value)
{
    bool good = true;
    value->begin = place->at;
    if (seen(place) == (uint8_t)'"') {
        good = take_string(place, value);
    } else {
        if (take_word(place, "true")) {
            value->kind = JSON_TRUE;
        } else if (take_word(place, "false")) {
            value->kind = JSON_FALSE;
        } else if (take_word(place, "null")) {
            value->kind = JSON_NULL;
        } else {
            good = take_number(place, value);
        }
        value->end = place->at;
    }
    return good;
}

struct nest { /* what is open, an object or an array, inside out */
    uint8_t object[(JSON_LINE + 8U) / 8U];
    uint16_t depth;
};

static void nest(struct nest *open, bool object)
{
    const uint16_t at = open->depth;
    const uint8_t bit = (uint8_t)(1U << (at % 8U));
    open->object[at / 8U] = (uint8_t)((open->object[at / 8U] & (uint8_t)~bit) | (object ? bit : 0U));
    open->depth++;
}

static bool in_object(const struct nest *open)
{
    const uint16_t at = (uint16_t)(open->depth - 1U);
    return ((open->object[at / 8U] >> (at % 8U)) & 1U) != 0U;
}

/* Looks at a whole object. Of its own members, `name` (NULL: none) is looked for. */
static bool look(struct place *place, const char *name, struct json_value *found)
{
    struct nest open = {{0}, 0};
    bool wanted = false;        /* the member in work is the one */
    uint16_t began = 0;         /* of a nested value */
    bool good = take(place, '{');
    bool first = true;          /* nothing of what is open has been read */
    nest(&open, true);
    while (good && (open.depth > 0U)) {
        struct json_value value = {JSON_ABSENT, 0, 0};
        skip_space(place);
        const char closing = in_object(&open) ? '}' : ']';
        if (take(place, closing)) {
            open.depth--;
            first = false;
            if ((open.depth == 1U) && wanted) {
                found->kind = JSON_NESTED;
                found->begin = began;
                found->end = place->at;
            }
        } else {
            if (!first) {
                good = take(place, ',');
                skip_space(place);
            }
            first = false;
            if (good && in_object(&open)) {
                good = take_string(place, &value);
                if (open.depth == 1U) {
                    wanted = good && (name != NULL) && json_is(place->line, value, name);
                }
                skip_space(place);
                good = good && take(place, ':');
                skip_space(place);
            }
            began = (open.depth == 1U) ? place->at : began;
            if (good && (seen(place) == (uint8_t)'{')) {
                place->at++;
                nest(&open, true);
                first = true;
            } else if (good && (seen(place) == (uint8_t)'[')) {
                place->at++;
                nest(&open, false);
                first = true;
            } else if (good) {
                good = take_plain(place, &value);
                if (good && wanted && (open.depth == 1U)) {
                    *found = value;
                }
            } else {
                /* no value */
            }
        }
    }
    return good;
}

bool json_is_object(const uint8_t *line, uint16_t length)
{
    struct place place = {line, length, 0};
    struct json_value none = {JSON_ABSENT, 0, 0};
    bool good = length <= JSON_LINE;
    if (good) {
        skip_space(&place);
        good = look(&place, NULL, &none);
        skip_space(&place);
    }
    return good && (place.at == length);
}

struct json_value json_member(const uint8_t *line, uint16_t length, const char *name)
{
    struct place place = {line, length, 0};
    struct json_value found = {JSON_ABSENT, 0, 0};
    skip_space(&place);
    (void)look(&place, name, &found);
    return found;
}

bool json_is(const uint8_t *line, struct json_value string, const char *text)
{
    struct place place = {line, string.end, string.begin};
    uint16_t at = 0;
    bool same = string.kind == JSON_STRING;
    while (same && (place.at < place.length)) {
        const uint16_t character = take_character(&place);
        same = (text[at] != '\0') && (character == (uint16_t)(uint8_t)text[at]);
        at++;
    }
    return same && (text[at] == '\0');
}

int32_t json_integer(const uint8_t *line, struct json_value integer)
{
    const bool negative = line[integer.begin] == (uint8_t)'-';
    int32_t value = 0;
    for (uint16_t i = integer.begin; i < integer.end; i++) {
        if (is_digit(line[i]) && (value < BEYOND)) {
            value = (value * 10) + (int32_t)(line[i] - (uint8_t)'0');
        }
    }
    value = (value > BEYOND) ? BEYOND : value;
    return negative ? -value : value;
}
