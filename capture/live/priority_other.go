//go:build !linux

package live

func prefer() {}
