#pragma once

/*
 * What stands behind the address of a `bind` or a `server`: the parameters, one
 * by one.
 */

#include "config/import/haproxy_proxy.h"

/*
 * The addresses of words[from], which are parted by commas, and what stands
 * behind them.
 */
void haproxy_params_bind(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l, size_t from);

/* `server NAME ADDRESS ...`, and `server-template PREFIX NUMBER ADDRESS ...` */
void haproxy_params_server(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l);
void haproxy_params_template(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l);

/* Into `o`, from words[from] on. */
void haproxy_params_options(struct import_plan *plan,
    const struct haproxy_text_line *l, size_t from,
    struct haproxy_proxy_options *o);

/* Of words[at]; an error where it is none. */
void haproxy_params_time(struct import_plan *plan,
    const struct haproxy_text_line *l, size_t at,
    struct haproxy_proxy_number *ret_number);
void haproxy_params_number(struct import_plan *plan,
    const struct haproxy_text_line *l, size_t at,
    struct haproxy_proxy_number *ret_number);
