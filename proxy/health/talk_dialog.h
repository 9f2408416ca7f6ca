#pragma once

/*
 * A dialog as the file has it: something is said, something is heard, again and
 * again. What is expected may come after anything else, and in pieces.
 */

#include "proxy/health/talk.h"

enum talk_next talk_dialog_begin(struct talk *t);
enum talk_next talk_dialog_hear(struct talk *t);
