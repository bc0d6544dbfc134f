package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// demoState is the state of the little shop that the demo capture shows.
type demoState struct {
	polls atomic.Int32 // how often the order's status was asked for
}

const demoPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Tea shop</title><link rel="stylesheet" href="/style.css"></head>
<body><h1>Tea shop</h1><ul id="items"></ul><script src="/app.js"></script></body>
</html>
`

const demoStyle = `body { font-family: sans-serif; margin: 2rem; color: #223; }
h1 { color: #2a7a4b; }
li { padding: .2rem 0; }
`

type item struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Price string `json:"price"`
}

var demoItems = []item{{1, "Assam", "4.20"}, {2, "Darjeeling", "6.80"}, {3, "Gyokuro", "12.50"}, {4, "Пуэр", "9.90"}}

// reply sends v as JSON.
func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

func (h *handler) demoRoutes() {
	h.handle("/{$}", func(w *recorder, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, demoPage)
	})
	h.handle("/style.css", func(w *recorder, r *http.Request) {
		w.Header().Set("ETag", `"7f3a"`)
		if r.Header.Get("If-None-Match") == `"7f3a"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "text/css")
		_, _ = io.WriteString(w, demoStyle)
	})
	h.handle("/app.js", func(w *recorder, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		e := w.encoder("gzip")
		for i := range 200 {
			_, _ = fmt.Fprintf(e, "export const f%d = (x) => x + %d;\n", i, i)
		}
		_ = e.Close()
	})
	h.handle("GET /api/items", func(w *recorder, _ *http.Request) { reply(w, http.StatusOK, demoItems) })
	h.handle("GET /api/items/{id}", func(w *recorder, r *http.Request) {
		for _, it := range demoItems {
			if fmt.Sprint(it.ID) == r.PathValue("id") {
				reply(w, http.StatusOK, it)
				return
			}
		}
		reply(w, http.StatusNotFound, map[string]string{"error": "no such item"})
	})
	h.handle("GET /shop", func(w *recorder, r *http.Request) { http.Redirect(w, r, "/", http.StatusMovedPermanently) })
	h.demoOrders()
}

func (h *handler) demoOrders() {
	h.handle("POST /api/orders", func(w *recorder, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Location", "/api/orders/17")
		reply(w, http.StatusCreated, map[string]any{"id": 17, "status": "brewing"})
	})
	h.handle("GET /api/orders/17", func(w *recorder, _ *http.Request) {
		status := "brewing"
		if h.polls.Add(1) > 4 {
			status = "ready"
		}
		reply(w, http.StatusOK, map[string]any{"id": 17, "status": status})
	})
	h.handle("GET /api/orders/17/events", func(w *recorder, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		for i, step := range []string{"heating water", "70 °C", "pouring", "steeping", "ready"} {
			w.say("id: %d\nevent: order\ndata: {\"order\": 17, \"step\": %q}\n\n", i+1, step)
			w.Flush()
			time.Sleep(400 * time.Millisecond)
		}
	})
	h.handle("GET /api/report", func(w *recorder, _ *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		for _, it := range demoItems {
			w.say("%d,%s,%s\n", it.ID, it.Name, it.Price)
			w.Flush()
			time.Sleep(80 * time.Millisecond)
		}
	})
	h.handle("GET /api/export", func(w *recorder, _ *http.Request) {
		head := "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n"
		if err := w.reset(head, text(100)); err != nil {
			fmt.Fprintln(os.Stderr, "export:", err)
		}
	})
	h.handle("GET /api/recommendations", func(w *recorder, _ *http.Request) {
		time.Sleep(1200 * time.Millisecond)
		reply(w, http.StatusOK, demoItems[2:3])
	})
}
