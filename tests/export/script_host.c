#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool script_line(char *line, size_t size)
{
    const bool more = fgets(line, (int)size, stdin) != NULL;
    if (more) {
        line[strcspn(line, "\n")] = '\0';
    }
    return more;
}

void script_say(const char *text)
{
    (void)fputs(text, stdout);
}

void script_stop(int code)
{
    exit(code);
}
