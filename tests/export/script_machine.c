/* A script of the emulated machines of firmware/qemu, over the bench. It ends with the line Q: that the other end has closed
 * does not show on a serial port. */
#include "machine.h"
#include "script.h"

#include <string.h>

static uint8_t said[4096];
static size_t count;
static bool begun;

static void flush(void)
{
    bench_tell(said, count);
    count = 0;
}

bool script_line(char *line, size_t size)
{
    size_t at = 0;
    uint8_t octet = 0;
    if (!begun) {
        begun = true;
        script_say("ready\n");
        flush();
    }
    while ((octet != (uint8_t)'\n') && (bench_hear(&octet, 1) != 0) && (at + 1U < size)) {
        line[at] = (char)octet;
        at++;
    }
    line[(at > 0U) ? (at - 1U) : 0U] = '\0';
    return strcmp(line, "Q") != 0;
}

void script_say(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        said[count] = (uint8_t)text[i];
        count++;
        if (count == sizeof said) {
            flush();
        }
    }
}

void script_stop(int code)
{
    flush();
    machine_exit(code);
}
