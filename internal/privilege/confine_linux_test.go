package privilege

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// nobody is a user with nothing.
var nobody = User{Name: "nobody", UID: 65534, GID: 65534}

// order and answer are those of testdata/child.
type order struct {
	Policy               Policy
	Read, Create, Rename []string
	Dial, Exec           string
}

type answer struct {
	Error, Report string
	Zone          string
	Landlock      int
	Tried         []map[string]string
}

// builds are the ways the program is built: threads are found and stopped in
// quite different ways.
var builds = map[string]string{"cgo": "1", "static": "0"}

// child builds testdata/child where any user can run it.
func child(t *testing.T, cgo string) string {
	t.Helper()
	if cgo == "1" {
		if _, err := exec.LookPath("gcc"); err != nil {
			t.Skip("SKIPPED: no gcc to build the child with cgo")
		}
	}
	watch(t, "*.go", "testdata/child/*.go", "../../go.mod")
	exe := filepath.Join(open(t), "child")
	cmd := exec.Command("go", "build", "-o", exe, "./testdata/child")
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the child: %v\n%s", err, out)
	}
	return exe
}

// watch opens what the child is built from, so that go test does not take results of
// an older child from its cache: the test binary itself calls little of the package.
func watch(t *testing.T, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files, %v", p, len(names), err)
		}
		for _, name := range names {
			if _, err := os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// open is a temporary folder that every user can enter.
func open(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // that is the point
			t.Fatal(err)
		}
	}
	return dir
}

func needRoot(t *testing.T) {
	t.Helper()
	s, err := own()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 || !s.has(unix.CAP_SETUID) || !s.has(unix.CAP_SETPCAP) {
		t.Skip("SKIPPED: only root, with its capabilities, can become another user")
	}
}

// ask starts the child, and returns its answer and its process, which ends
// with the test.
func ask(t *testing.T, cmd *exec.Cmd, o order) (answer, int) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, string(text))
	cmd.Env = append(os.Environ(), "TZ=Asia/Tokyo")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the child: %v", err)
		}
	})
	var a answer
	if err := json.NewDecoder(out).Decode(&a); err != nil {
		rest, _ := io.ReadAll(out)
		t.Fatalf("the child's answer: %v %s", err, rest)
	}
	return a, cmd.Process.Pid
}

// as has a program run by a user.
func as(cmd *exec.Cmd, u User) *exec.Cmd {
	c := syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)}
	for _, g := range u.Groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &c}
	return cmd
}

// threads are the status files of a process's threads, read from outside.
func threads(t *testing.T, pid int) map[string]string {
	t.Helper()
	names, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/status")
	if err != nil || len(names) < 12 {
		t.Fatalf("%d threads, want at least the 12 that are locked: %v", len(names), err)
	}
	out := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(text)
	}
	return out
}

// TestConfineAsRoot: nothing is left, on any thread, old or new, and what the policy
// keeps still works.
func TestConfineAsRoot(t *testing.T) {
	needRoot(t)
	for name, cgo := range builds {
		t.Run(name, func(t *testing.T) { asRoot(t, child(t, cgo)) })
	}
}

func asRoot(t *testing.T, exe string) {
	dir, other := open(t), open(t)
	for _, d := range []string{dir, other} {
		if err := os.Chown(d, nobody.UID, nobody.GID); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	may, mayNot := filepath.Join(other, "may"), filepath.Join(other, "may-not")
	for _, f := range []string{may, mayNot} {
		if err := os.WriteFile(f, nil, 0o644); err != nil { //nolint:gosec // for nobody to read
			t.Fatal(err)
		}
	}
	user := nobody
	user.Groups = []int{1234567}
	a, pid := ask(t, as(exec.Command(exe), User{Groups: []int{0, 4}}), order{
		Policy: Policy{User: &user, Landlock: true, WriteDirs: []string{dir}, ReadPaths: []string{may}},
		Read:   []string{may, mayNot, "/etc/passwd", "/etc/shadow"},
		Create: []string{filepath.Join(dir, "x"), filepath.Join(other, "x"), "/etc/wirewatch-test"},
		Rename: []string{dir},
		Dial:   l.Addr().String(),
		Exec:   "/bin/true",
	})
	if a.Error != "" {
		t.Fatal(a.Error)
	}
	t.Log(a.Report)
	want := status{uid: [4]int{65534, 65534, 65534, 65534}, gid: [4]int{65534, 65534, 65534, 65534},
		groups: user.Groups, noNewPrivs: true}
	for name, text := range threads(t, pid) {
		if err := want.compare(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	allowed := []string{"signal sibling", "read " + may, "create " + filepath.Join(dir, "x"), "rename " + dir}
	if a.Landlock == 0 {
		t.Log("SKIPPED: what Landlock forbids, for this kernel has none, or has it switched off")
		allowed = append(allowed, "read "+mayNot, "read /etc/passwd", "create "+filepath.Join(other, "x"), "dial", "exec")
	}
	if a.Landlock > 0 && a.Landlock < 4 {
		allowed = append(allowed, "dial")
	}
	checkTried(t, a.Tried, allowed)
	if _, err := time.LoadLocation("Asia/Tokyo"); err != nil {
		t.Logf("SKIPPED: that the time zone is known: %v", err)
	} else if a.Zone != "JST" {
		t.Errorf("local time is in the zone %s, want JST: its file was not read in time", a.Zone)
	}
}

// checkTried: on every thread exactly what is allowed works.
func checkTried(t *testing.T, tried []map[string]string, allowed []string) {
	t.Helper()
	if len(tried) != 12 {
		t.Errorf("%d threads tried, want 12", len(tried))
	}
	slices.Sort(allowed)
	for _, thread := range tried {
		var worked []string
		for what, err := range thread {
			if err == "" {
				worked = append(worked, what)
			}
		}
		slices.Sort(worked)
		if !slices.Equal(worked, allowed) {
			t.Fatalf("worked: %q\n  want: %q\n tried: %v", worked, allowed, thread)
		}
	}
}

// TestStayRoot: root that stays root keeps no capability, and none comes back with a
// program that it runs.
func TestStayRoot(t *testing.T) {
	needRoot(t)
	for name, cgo := range builds {
		t.Run(name, func(t *testing.T) {
			a, pid := ask(t, exec.Command(child(t, cgo)), order{})
			if a.Error != "" {
				t.Fatal(a.Error)
			}
			before, err := own()
			if err != nil {
				t.Fatal(err)
			}
			want := status{noNewPrivs: true, groups: before.groups}
			for name, text := range threads(t, pid) {
				if err := want.compare(text); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			checkTried(t, a.Tried, []string{"setuid 0", "signal sibling", "signal parent"})
		})
	}
}

// TestKeepRaw: root that stays root may keep the right to open an interface again,
// and nothing else; root that becomes a user may not.
func TestKeepRaw(t *testing.T) {
	needRoot(t)
	for name, cgo := range builds {
		t.Run(name, func(t *testing.T) {
			a, pid := ask(t, exec.Command(child(t, cgo)), order{Policy: Policy{KeepRaw: true}})
			if a.Error != "" || !strings.Contains(a.Report, "no capability but CAP_NET_RAW") {
				t.Fatal(a.Error, a.Report)
			}
			before, err := own()
			if err != nil {
				t.Fatal(err)
			}
			want := status{noNewPrivs: true, groups: before.groups, permitted: 1 << unix.CAP_NET_RAW, effective: 1 << unix.CAP_NET_RAW}
			for name, text := range threads(t, pid) {
				if err := want.compare(text); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			checkTried(t, a.Tried, []string{"setuid 0", "signal sibling", "signal parent", "packet socket"})
		})
	}
	p := Policy{KeepRaw: true, User: &User{UID: 1}}
	if got := p.kept(status{effective: ^uint64(0)}); got != 0 {
		t.Errorf("a user keeps %x", got)
	}
}

// TestFileCapabilities: a program that may capture by setcap(8), run by a user who is
// not root, gives that up too.
func TestFileCapabilities(t *testing.T) {
	needRoot(t)
	setcap, err := exec.LookPath("setcap")
	if err != nil {
		t.Skip("SKIPPED: no setcap here (Debian: libcap2-bin)")
	}
	for name, cgo := range builds {
		t.Run(name, func(t *testing.T) {
			exe := child(t, cgo)
			if out, err := exec.Command(setcap, "cap_net_raw,cap_net_admin=eip", exe).CombinedOutput(); err != nil {
				t.Skipf("SKIPPED: setcap does not work here: %v %s", err, out)
			}
			a, pid := ask(t, as(exec.Command(exe), nobody), order{})
			if a.Error != "" {
				t.Fatal(a.Error)
			}
			before, err := own()
			if err != nil {
				t.Fatal(err)
			}
			want := after(&nobody, status{bounding: before.bounding}, 0)
			for name, text := range threads(t, pid) {
				if err := want.compare(text); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			checkTried(t, a.Tried, []string{"signal sibling"})
			if !strings.Contains(a.Report, "bounding set is kept") {
				t.Errorf("the report is silent on the bounding set: %s", a.Report)
			}
		})
	}
}

// TestFileCapabilitiesAreUsable keeps the test above from passing because the program
// never had any.
func TestFileCapabilitiesAreUsable(t *testing.T) {
	needRoot(t)
	setcap, err := exec.LookPath("setcap")
	if err != nil {
		t.Skip("SKIPPED: no setcap here (Debian: libcap2-bin)")
	}
	exe := filepath.Join(open(t), "cat")
	cat, err := os.ReadFile("/bin/cat")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	if err := os.WriteFile(exe, cat, 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if out, err := exec.Command(setcap, "cap_net_raw,cap_net_admin=eip", exe).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: setcap does not work here: %v %s", err, out)
	}
	out, err := as(exec.Command(exe, "/proc/self/status"), nobody).Output()
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseStatus(string(out))
	if err != nil || !s.has(unix.CAP_NET_RAW) {
		t.Errorf("a program with CAP_NET_RAW lacks it: %x %v", s.effective, err)
	}
}

// TestConfineRefuses: what the user will not be able to write is found at once, and
// said.
func TestConfineRefuses(t *testing.T) {
	needRoot(t)
	exe := child(t, "0")
	mine := t.TempDir()
	if err := os.Chmod(mine, 0o700); err != nil { //nolint:gosec // a folder
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		policy Policy
		want   string
	}{
		"folder":  {Policy{User: &nobody, Landlock: true, WriteDirs: []string{mine}}, "nobody (65534:65534) cannot make files in " + mine},
		"missing": {Policy{Landlock: true, WriteDirs: []string{mine + "/no"}}, "no such file"},
		"file":    {Policy{User: &nobody, Landlock: true, WriteFiles: []string{"/etc/passwd"}}, "cannot write to /etc/passwd"},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := ask(t, exec.Command(exe), order{Policy: c.policy})
			if !strings.Contains(a.Error, c.want) {
				t.Errorf("error %q, want %q in it", a.Error, c.want)
			}
		})
	}
}

// TestLandlockPaths: what is not there to read is noted, devices and files can be
// opened to write, and signals pass for the sake of children only.
func TestLandlockPaths(t *testing.T) {
	abi := landlockABI()
	if abi == 0 {
		t.Skip("SKIPPED: this kernel has no Landlock, or has it switched off")
	}
	exe, dir := child(t, "0"), t.TempDir()
	counters := "/sys/class/net/lo/statistics" // by a symbolic link, for libpcap to read
	for _, children := range []bool{false, true} {
		a, _ := ask(t, exec.Command(exe), order{
			Policy: Policy{Landlock: true, Children: children, ReadPaths: []string{dir, counters, "/no/such/file"}, WriteFiles: []string{"/dev/null"}},
			Read:   []string{dir, counters + "/rx_missed_errors", "/sys/class/net/lo/mtu", "/dev/null", "/dev/zero"},
			Create: []string{filepath.Join(dir, "x")},
		})
		if a.Error != "" {
			t.Fatal(a.Error)
		}
		if !strings.Contains(a.Report, "/no/such/file cannot be read: no such file") {
			t.Errorf("the report is silent on a missing file: %s", a.Report)
		}
		allowed := []string{"signal sibling", "read " + dir, "read /dev/null", "read " + counters + "/rx_missed_errors"}
		fixed := landlockQuery(unix.LANDLOCK_CREATE_RULESET_ERRATA)&threadSignals != 0
		if children || abi < 6 || !fixed {
			allowed = append(allowed, "signal parent")
		}
		if os.Geteuid() == 0 {
			allowed = append(allowed, "setuid 0") // which root without capabilities is anyway
		}
		checkTried(t, a.Tried, allowed)
	}
}

// TestLandlockHidesOthers: under Landlock a process may not look into another of the
// same user, whatever it may open. It is why names of processes are looked up by a
// process of its own.
func TestLandlockHidesOthers(t *testing.T) {
	needRoot(t)
	if landlockABI() == 0 {
		t.Skip("SKIPPED: this kernel has no Landlock, or has it switched off")
	}
	exe := child(t, "0")
	cat := as(exec.Command("/bin/cat"), nobody)
	in, err := cat.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cat.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cat.Wait() }()
	environ := "/proc/" + strconv.Itoa(cat.Process.Pid) + "/environ"
	for _, locked := range []bool{false, true} {
		a, _ := ask(t, exec.Command(exe), order{
			Policy: Policy{User: &nobody, Landlock: locked, ReadPaths: []string{"/proc"}},
			Read:   []string{environ, "/proc/stat"},
		})
		if a.Error != "" {
			t.Fatal(a.Error)
		}
		allowed := []string{"signal sibling", "read /proc/stat"}
		if !locked {
			allowed = append(allowed, "read "+environ)
		}
		checkTried(t, a.Tried, allowed)
	}
}

func TestReport(t *testing.T) {
	for want, r := range map[string]Report{
		"": {},
		"became nobody (65534:65534); no capabilities, no_new_privs, no core dumps (7 threads checked); " +
			"Landlock 4: only the files named, nothing executed, no TCP": {User: &nobody, Threads: 7, Landlock: 4, Signals: true},
		"Landlock 6: only the files named, nothing executed, no TCP, no abstract sockets of others, no signals": {Landlock: 6},
		"a; b": {Notes: []string{"a", "b"}},
	} {
		if got := r.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// fields is a status file of a thread that has given up everything.
var fields = map[string]string{
	"Name": "x", "Uid": "1 1 1 1", "Gid": "2 2 2 2", "Groups": "3 4 ", "NoNewPrivs": "1",
	"CapInh": "0000000000000000", "CapPrm": "0", "CapEff": "0", "CapBnd": "0", "CapAmb": "0",
}

// statusText is fields with some changed; "-" leaves one out.
func statusText(change map[string]string) string {
	f := maps.Clone(fields)
	maps.Copy(f, change)
	var b strings.Builder
	for k, v := range f {
		if v != "-" {
			b.WriteString(k + ":\t" + v + "\n")
		}
	}
	return b.String()
}

// TestCompare: each right that is left is seen.
func TestCompare(t *testing.T) {
	want := after(&User{UID: 1, GID: 2, Groups: []int{4, 3, 3}}, status{}, 0)
	want.bounding = 0
	if err := want.compare(statusText(nil)); err != nil {
		t.Errorf("nothing is left, and yet: %v", err)
	}
	for field, values := range map[string][]string{
		"Uid": {"0 1 1 1", "1 0 1 1", "1 1 0 1", "1 1 1 0", "1 1 1", "", "x 1 1 1", "-"},
		"Gid": {"2 2 0 2", "2 2 2 0", "-"}, "Groups": {"", "3", "3 4 5", "3 x", "-"},
		"NoNewPrivs": {"0", "", "2", "-"},
		"CapInh":     {"1", "-"}, "CapPrm": {"2000", "-"}, "CapEff": {"1", "", "0 0", "g", "-"}, "CapBnd": {"1", "-"}, "CapAmb": {"1", "-"},
	} {
		for _, v := range values {
			if err := want.compare(statusText(map[string]string{field: v})); err == nil {
				t.Errorf("%s: %q passes", field, v)
			}
		}
	}
}

// FuzzParseStatus: any text is an error or a status with all its fields.
func FuzzParseStatus(f *testing.F) {
	f.Add(statusText(nil))
	f.Add("Uid:\t0 0 0 0\nUid:")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseStatus(text); err == nil && strings.Count(text, ":") < statusFields {
			t.Errorf("a status of %q", text)
		}
	})
}
