package remote

import (
	"os"
	"strconv"
	"strings"
)

// outer is what runs on the other side: a script for a POSIX shell with the
// arguments SUDO INTERFACE SNAPLEN FILTER [OPTION of tcpdump]... It has neither
// newlines nor single quotes, so that it passes through any login shell in single
// quotes, csh and fish too.
//
// It puts the exclusion of ssh's own connection before the filter: the four words
// of SSH_CONNECTION are the client's address and port and the server's. (What is
// behind a % is the zone of a link-local address, which is not in packets.) Then
// it runs inner.
const outer = `set -f; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH; LC_ALL=C; export LC_ALL; ` +
	`sudo=$1; iface=$2; snaplen=$3; filter=${4:+"($4)"}; shift 4; ` +
	`own() { echo "not (tcp port $2 and tcp port $4 and host ${1%%%*} and host ${3%%%*})"; }; ` +
	`if [ -n "$SSH_CONNECTION" ]; then filter="$(own $SSH_CONNECTION)${filter:+ and $filter}"; fi; ` +
	`exec $sudo sh -c "$inner" tcpdump -i "$iface" -s "$snaplen" -U -w - "$@" -- ${filter:+"$filter"}`

// inner runs tcpdump, with its own arguments, until that ends or standard input
// does, which is when the connection does or we want it to. It is signalled by a
// process of the same user, as it would not be from outside of sudo. A job in the
// background has no standard input of its own, so it is passed as 3.
//
// tcpdump gets frames from the kernel within a second: so it ends a little later
// than that, with what was captured before, but for the argument --immediate-mode.
// (Fractions of a second are more than POSIX has.)
const inner = `rest() { sleep 1.2 || sleep 2; }; case " $* " in *" --immediate-mode "*) rest() { :; };; esac; ` +
	`exec 3<&0; tcpdump "$@" </dev/null 3<&- & dump=$!; ` +
	`{ read -r end <&3; rest; kill -TERM $dump; } >/dev/null 2>&1 & watch=$!; ` +
	`wait $dump; status=$?; kill $watch 2>/dev/null; exit $status`

// remoteCommand is the command line for the other side's login shell.
func remoteCommand(t Target, opt Options) string {
	sudo := ""
	if t.Sudo {
		sudo = "sudo -n"
	}
	snaplen := opt.Snaplen
	if snaplen <= 0 {
		snaplen = 256 << 10
	}
	script := `inner=` + doubleQuoted(inner) + `; ` + outer
	args := []string{script, "wirewatch", sudo, t.Iface, strconv.Itoa(snaplen), opt.Filter}
	if !opt.Promiscuous {
		args = append(args, "-p")
	}
	if opt.Immediate {
		args = append(args, "--immediate-mode")
	}
	if opt.Buffer > 0 {
		args = append(args, "-B", strconv.Itoa((opt.Buffer+1023)/1024))
	}
	for i, a := range args {
		args[i] = singleQuoted(a)
	}
	return "exec sh -c " + strings.Join(args, " ")
}

// singleQuoted makes a word of a POSIX shell of s, whatever is in it.
func singleQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// doubleQuoted is the same without a single quote in it; s has none.
func doubleQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(s) + `"`
}

// sshArgs are the arguments of ssh.
func sshArgs(t Target, opt Options) []string {
	args := []string{
		"-T", "-x", "-a", // neither a terminal nor anything forwarded, whatever its configuration says
		"-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none",
		"-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", // a silent interface must not look like a dead connection
	}
	if opt.Batch || !terminal() {
		args = append(args, "-o", "BatchMode=yes")
	}
	if t.Port != 0 {
		args = append(args, "-p", strconv.Itoa(int(t.Port)))
	}
	if t.User != "" {
		args = append(args, "-l", t.User)
	}
	return append(args, "--", t.Host, remoteCommand(t, opt))
}

// terminal reports that there is one for ssh to ask for passwords on.
func terminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	return err == nil && f.Close() == nil
}
