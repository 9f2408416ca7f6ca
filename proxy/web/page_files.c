#include "proxy/web/page_files.h"

/*
 * The assembler puts each file where its label is; make knows that this object
 * depends on them.
 */
#define HELD(name, path)                                                       \
	__asm__(".section .rodata, \"a\"\n"                                    \
	        "page_files_" name ":\n"                                       \
	        ".incbin \"" path "\"\n"                                       \
	        "page_files_" name "_end:\n"                                   \
	        ".byte 0\n"                                                    \
	        ".previous\n")

HELD("html_bytes", "proxy/web/page.html");
HELD("style_bytes", "proxy/web/page.css");
HELD("script_bytes", "proxy/web/page.js");
HELD("draw_bytes", "proxy/web/page_draw.js");
HELD("services_bytes", "proxy/web/page_services.js");

extern const char html_bytes[] __asm__("page_files_html_bytes");
extern const char html_end[] __asm__("page_files_html_bytes_end");
extern const char style_bytes[] __asm__("page_files_style_bytes");
extern const char style_end[] __asm__("page_files_style_bytes_end");
extern const char script_bytes[] __asm__("page_files_script_bytes");
extern const char script_end[] __asm__("page_files_script_bytes_end");
extern const char draw_bytes[] __asm__("page_files_draw_bytes");
extern const char draw_end[] __asm__("page_files_draw_bytes_end");
extern const char services_bytes[] __asm__("page_files_services_bytes");
extern const char services_end[] __asm__("page_files_services_bytes_end");

static struct page_files_text
held(const char *begin, const char *end)
{
	return (struct page_files_text){ .text = begin,
		.len = (size_t)((uintptr_t)end - (uintptr_t)begin) };
}

struct page_files_text
page_files_html(void)
{
	return held(html_bytes, html_end);
}

struct page_files_text
page_files_style(void)
{
	return held(style_bytes, style_end);
}

struct page_files_text
page_files_script(void)
{
	return held(script_bytes, script_end);
}

struct page_files_text
page_files_draw(void)
{
	return held(draw_bytes, draw_end);
}

struct page_files_text
page_files_services(void)
{
	return held(services_bytes, services_end);
}
