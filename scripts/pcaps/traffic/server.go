package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type ordinalKey struct{}

// serve runs the server until SIGTERM.
func serve(args []string) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	addr := fs.String("addr", ":8080", "address to listen on")
	out := fs.String("truth", "", "truth log to write")
	if err := fs.Parse(args); err != nil {
		return err
	}
	f, err := os.Create(*out)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := &handler{log: &truthLog{w: f}, mux: http.NewServeMux()}
	h.routes()
	h.demoRoutes()
	srv := &http.Server{
		Addr: *addr, Handler: h, ReadHeaderTimeout: time.Minute, IdleTimeout: time.Second,
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, ordinalKey{}, new(int))
		},
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		_ = srv.Close()
	}()
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler logs every exchange that its mux serves.
type handler struct {
	log *truthLog
	mux *http.ServeMux
	demoState
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := r.Context().Value(ordinalKey{}).(*int)
	*n++ // requests of one connection are served one after another
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	rec := &recorder{ResponseWriter: w, log: h.log, sent: newDigest(), head: r.Method == http.MethodHead, ex: exchange{
		By: "server", Client: r.RemoteAddr, Server: local.String(), Ordinal: *n, Method: r.Method, Target: r.RequestURI,
	}}
	body := newBodyReader(r)
	if r.Body != http.NoBody {
		r = r.WithContext(r.Context()) // a copy: net/http looks for its own body in its own request
		r.Body = body
	}
	defer rec.finish(body)
	h.mux.ServeHTTP(rec, r)
}

// number is a query parameter, or def.
func number(r *http.Request, name string, def int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil {
		return n
	}
	return def
}

// text is n lines of it.
func text(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d of the body\n", i+1)
	}
	return b.String()
}

// noise is n bytes that do not compress, the same in every run.
func noise(n int) []byte {
	p := make([]byte, n)
	x := uint64(n)
	for i := range p {
		x = x*6364136223846793005 + 1442695040888963407
		p[i] = byte(x >> 56)
	}
	return p
}

type route func(w *recorder, r *http.Request)

func (h *handler) handle(pattern string, f route) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		rec, _ := w.(*recorder)
		f(rec, r)
	})
}

func (h *handler) routes() {
	h.handle("/text", func(w *recorder, r *http.Request) {
		_, _ = io.WriteString(w, text(number(r, "lines", 10)))
	})
	h.handle("/blob", func(w *recorder, r *http.Request) {
		n := number(r, "n", 1000)
		w.Header().Set("Content-Length", strconv.Itoa(n))
		_, _ = w.Write(noise(n))
	})
	h.handle("/range", func(w *recorder, r *http.Request) {
		http.ServeContent(w, r, "range.txt", time.Unix(1700000000, 0), strings.NewReader(text(500)))
	})
	h.handle("/encoded/{coding}", func(w *recorder, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		e := w.encoder(r.PathValue("coding"))
		_, _ = io.WriteString(e, text(number(r, "lines", 300)))
		_ = e.Close()
	})
	h.handle("/status/{code}", func(w *recorder, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
	})
	h.handle("/redirect", func(w *recorder, r *http.Request) {
		http.Redirect(w, r, "/text?lines=3", http.StatusFound)
	})
	h.handle("/echo", func(w *recorder, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	h.handle("/upload", func(w *recorder, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		w.say("%d bytes, thank you\n", n)
	})
	h.handle("/refuse", func(w *recorder, _ *http.Request) {
		w.WriteHeader(http.StatusExpectationFailed) // the content is not read, so no 100 was sent
		w.Flush()                                   // not only after the server has read it itself
	})
	h.streams()
	h.ends()
}

// streams are routes that take their time.
func (h *handler) streams() {
	h.handle("/chunked", func(w *recorder, r *http.Request) {
		w.Header().Set("Trailer", "X-Lines")
		n := number(r, "n", 5)
		for i := range n {
			w.say("piece %d of %d\n", i+1, n)
			w.Flush()
			time.Sleep(time.Duration(number(r, "ms", 20)) * time.Millisecond)
		}
		w.Header().Set("X-Lines", strconv.Itoa(n))
	})
	h.handle("/slow", func(w *recorder, r *http.Request) {
		select {
		case <-time.After(time.Duration(number(r, "ms", 1000)) * time.Millisecond):
			_, _ = io.WriteString(w, "at last\n")
		case <-r.Context().Done():
			w.ex.Incomplete = "aborted"
		}
	})
	h.handle("/drip", func(w *recorder, r *http.Request) {
		n := number(r, "n", 100000)
		w.Header().Set("Content-Length", strconv.Itoa(n))
		for p := noise(n); len(p) > 0 && !w.failed; p = p[min(4096, len(p)):] {
			_, _ = w.Write(p[:min(4096, len(p))])
			w.Flush()
			time.Sleep(5 * time.Millisecond)
		}
	})
	h.handle("/sse", func(w *recorder, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.say("retry: 2000\n: here they come\n\n")
		for i := range number(r, "n", 5) {
			w.say("id: %d\nevent: tick\ndata: {\"n\": %d}\ndata: second line\n\n", i+1, i+1)
			w.Flush()
			time.Sleep(time.Duration(number(r, "ms", 100)) * time.Millisecond)
		}
	})
	h.handle("/early", func(w *recorder, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload; as=style")
		w.WriteHeader(http.StatusEarlyHints)
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(w, text(5))
	})
}

// ends are routes that end the connection.
func (h *handler) ends() {
	h.handle("/close", func(w *recorder, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "the last one\n")
	})
	h.handle("/reset", func(w *recorder, r *http.Request) {
		head := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n"
		if err := w.reset(head, text(number(r, "lines", 100))); err != nil {
			fmt.Fprintln(os.Stderr, "reset:", err)
		}
	})
	h.handle("/cut", func(w *recorder, _ *http.Request) { // fewer bytes than announced, then FIN
		w.Header().Set("Content-Length", "5000")
		_, _ = io.WriteString(w, text(20))
		w.Flush()
		w.ex.Incomplete = "short"
		panic(http.ErrAbortHandler)
	})
}
