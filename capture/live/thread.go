package live

// A thread runs one function before others, if the process may have it do so: it
// is made while the process still has the right to.
type thread chan func()

func newThread() thread {
	t, ready := make(thread), make(chan struct{})
	go func() {
		prefer()
		close(ready)
		if f, ok := <-t; ok {
			f()
		}
	}()
	<-ready
	return t
}
