/*
 * A WebSocket client for the real captures, on libwebsockets:
 *
 *   client ADDRESS PORT PATH LOG STEP...
 *
 * One connection, one after the other the steps: tSIZE and bSIZE send a text or
 * binary message, tSIZE/PARTS in so many fragments, pWORD a ping, aN waits for the
 * N-th message, sMS for so long, cCODE closes. It logs messages, pings and its Close
 * frame as ../node/peer.js does; the pongs, and the Close frame that
 * answers one, libwebsockets sends by itself, and the server logs them as heard.
 */
#include <arpa/inet.h>
#include <libwebsockets.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **steps;
static FILE *out;
static struct lws *ws;
static char client[64], server[64];
static int received, ordinal, messages, part, done, asleep;
static unsigned char *message; /* with LWS_PRE bytes before it */

static const struct lws_extension extensions[] = {
	{ "permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate; client_no_context_takeover; client_max_window_bits" },
	{ NULL, NULL, NULL },
};

static void note(const char *opcode, const unsigned char *p, size_t n, const char *more)
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	SHA256(p, n, sum);
	fprintf(out, "{\"by\":\"sender\",\"client\":\"%s\",\"server\":\"%s\",\"from\":\"client\",\"ordinal\":%d,\"opcode\":\"%s\",\"size\":%zu,\"sha256\":\"",
		client, server, ++ordinal, opcode, n);
	for (size_t i = 0; i < sizeof sum; i++)
		fprintf(out, "%02x", sum[i]);
	fprintf(out, "\"%s}\n", more);
}

/* make fills message with text of two-byte characters or with binary data. */
static void make(int text, size_t n)
{
	free(message);
	message = malloc(LWS_PRE + n + 1);
	unsigned char *p = message + LWS_PRE;
	for (size_t i = 0; i < n; i++)
		p[i] = text ? (i + 1 == n && i % 2 == 0 ? '.' : i % 2 ? 0x90 + (i / 2 + messages) % 32 : 0xd0) : i * 17 + (i >> 6) * messages;
	messages++;
}

/* fragment sends the next part of a message and tells whether it was the last. */
static int fragment(struct lws *wsi, int text, size_t n, int parts)
{
	if (part == 0) {
		make(text, n);
		note(text ? "text" : "binary", message + LWS_PRE, n, "");
	}
	size_t size = (n + parts - 1) / parts, from = size * part;
	size_t to = part == parts - 1 ? n : from + size;
	unsigned char *buf = malloc(LWS_PRE + (to - from) + 1);
	memcpy(buf + LWS_PRE, message + LWS_PRE + from, to - from);
	int flags = lws_write_ws_flags(text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY, part == 0, part == parts - 1);
	if (lws_write(wsi, buf + LWS_PRE, to - from, flags) < 0)
		done = 1;
	free(buf);
	part = part == parts - 1 ? 0 : part + 1;
	return part == 0;
}

static int shut(struct lws *wsi, int code)
{
	unsigned char p[2] = { code >> 8, code & 255 };
	char more[64];
	snprintf(more, sizeof more, ",\"code\":%d,\"reason\":\"\"", code);
	lws_close_reason(wsi, code, NULL, 0);
	note("close", p, 2, more);
	return -1; /* makes libwebsockets close */
}

/* step does what it can of the next step; -1 closes. */
static int step(struct lws *wsi)
{
	const char *s = *steps, *slash;
	if (!s)
		return 0;
	int n = atoi(s + 1);
	unsigned char ping[LWS_PRE + 125];
	switch (*s) {
	case 't':
	case 'b':
		slash = strchr(s, '/');
		if (fragment(wsi, *s == 't', n, slash ? atoi(slash + 1) : 1))
			steps++;
		break;
	case 'p':
		memcpy(ping + LWS_PRE, s + 1, strlen(s + 1));
		note("ping", ping + LWS_PRE, strlen(s + 1), "");
		lws_write(wsi, ping + LWS_PRE, strlen(s + 1), LWS_WRITE_PING);
		steps++;
		break;
	case 'a':
		if (received < n)
			return 0;
		steps++;
		break;
	case 's':
		if (!asleep) {
			asleep = 1;
			lws_set_timer_usecs(wsi, n * LWS_USEC_PER_SEC / 1000);
		}
		return 0;
	case 'c':
		steps++;
		return shut(wsi, n);
	}
	lws_callback_on_writable(wsi);
	return 0;
}

static void address(char *to, int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;
	char ip[INET_ADDRSTRLEN] = "";
	name(fd, (struct sockaddr *)&a, &n);
	inet_ntop(AF_INET, &a.sin_addr, ip, sizeof ip);
	snprintf(to, 64, "%s:%d", ip, ntohs(a.sin_port));
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	(void)user, (void)in, (void)len;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		address(client, lws_get_socket_fd(wsi), getsockname);
		address(server, lws_get_socket_fd(wsi), getpeername);
		lws_callback_on_writable(wsi);
		break;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi))
			received++;
		lws_callback_on_writable(wsi);
		break;
	case LWS_CALLBACK_TIMER:
		steps++;
		asleep = 0;
		lws_callback_on_writable(wsi);
		break;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return step(wsi);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		fprintf(stderr, "connect: %s\n", in ? (char *)in : "failed");
		exit(1);
	case LWS_CALLBACK_CLIENT_CLOSED:
		done = 1;
		break;
	default:
		break;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = { { "plan", callback, 0, 4096, 0, NULL, 0 }, { NULL, NULL, 0, 0, 0, NULL, 0 } };
	if (argc < 6)
		return 2;
	steps = argv + 5;
	if (!(out = fopen(argv[4], "a")))
		return 1;
	struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols };
	if (!strstr(argv[3], "deflate=off"))
		info.extensions = extensions;
	lws_set_log_level(LLL_ERR, NULL);
	struct lws_context *context = lws_create_context(&info);
	struct lws_client_connect_info to = { .context = context, .address = argv[1], .port = atoi(argv[2]), .path = argv[3],
		.host = argv[1], .origin = argv[1], .protocol = "plan", .pwsi = &ws };
	if (!context || !lws_client_connect_via_info(&to))
		return 1;
	while (!done && lws_service(context, 0) >= 0)
		;
	lws_context_destroy(context);
	return fclose(out);
}
