/* How the program of a script (c_peer.py) reads and prints: with a computer's C library, or on an emulated machine. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

bool script_line(char *line, size_t size); /* the next line without its end; false: there is none */
void script_say(const char *text);
void script_stop(int code) __attribute__((noreturn));

#endif
