/* Private to lib/wire: the form of a kind's events, as kinds.def says. */
#ifndef SLUICE_WIRE_EVENT_FORM_H
#define SLUICE_WIRE_EVENT_FORM_H

#include "wire/event.h"

enum event_form { EVENT_FORM_UNKNOWN, EVENT_FORM_PIECE, EVENT_FORM_CALL, EVENT_FORM_MAP };

enum event_form event_form(enum event_kind kind);

#endif
