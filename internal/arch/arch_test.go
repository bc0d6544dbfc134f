package arch

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "example.com/wirewatch/"

// graph is the whole import graph inside the module, but for tests: a package
// that is not a key may not exist, and an edge that is not a value may not
// either. ARCHITECTURE.md says the same in words.
var graph = map[string]string{
	"flow":       "",
	"packet":     "flow",
	"event":      "flow",
	"capture":    "packet",
	"reassembly": "packet",
	"content":    "",

	"content/inflate": "",

	"capture/pcapfile": "capture packet",
	"capture/save":     "capture capture/pcapfile",
	"capture/decode":   "capture packet flow",
	"capture/bpf":      "capture",
	"capture/afpacket": "",
	"capture/live":     "capture capture/afpacket capture/bpf",
	"capture/process":  "capture",
	"capture/remote":   "capture capture/pcapfile internal/safe",

	"dissect":        "event flow",
	"dissect/tcp":    "event flow packet",
	"dissect/http":   "dissect event flow content",
	"dissect/ws":     "dissect dissect/ws/rpc event flow content/inflate",
	"dissect/all":    "dissect dissect/http dissect/ws",
	"dissect/ws/rpc": "event flow",
	"dissect/talk":   "dissect event flow internal/wsframe",

	"track":  "dissect dissect/tcp event flow packet reassembly",
	"engine": "capture dissect event flow packet track",

	"schema":        "",
	"export/lines":  "event",
	"export/ndjson": "event export/lines internal/safe",
	"export/text":   "event export/lines flow internal/safe",

	"internal/safe":         "",
	"internal/privilege":    "",
	"internal/arch":         "",
	"internal/pcapgen":      "internal/wsframe",
	"internal/wsframe":      "",
	"internal/differential": "",
	"internal/metamorphic":  "",
	"internal/golden":       "capture capture/decode capture/pcapfile dissect dissect/all engine event export/ndjson flow track",

	"cmd/wirewatch": "capture capture/bpf capture/decode capture/live capture/pcapfile capture/process capture/remote capture/save internal/privilege dissect/all engine event export/ndjson export/text internal/safe schema track",
}

// core is synchronous and does no I/O: no goroutine, lock, channel, clock, log
// or init function.
var core = strings.Fields("flow packet event reassembly content/inflate dissect dissect/tcp dissect/http dissect/ws dissect/ws/rpc dissect/all track")

var forbidden = strings.Fields("sync sync/atomic os net log log/slog io/ioutil runtime syscall unsafe math/rand math/rand/v2 crypto/rand")

var clock = strings.Fields("Now Since Until After AfterFunc Tick NewTimer NewTicker Sleep")

// helper reports that a package is a test's, a generator's or a script's.
func helper(name string) bool {
	return strings.HasPrefix(name, "scripts/") || strings.HasSuffix(name, "test") || strings.HasSuffix(name, "/gen") ||
		strings.HasPrefix(name, "bench")
}

type pkg struct {
	name, dir string
	*build.Package
}

// packages walks the tree in this process, so that go test's cache sees what
// was read; a run of the go command would hide it.
func packages(t *testing.T) (out []pkg) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if n := d.Name(); n == "testdata" || n == "node_modules" || dir != root && strings.HasPrefix(n, ".") {
			return fs.SkipDir
		}
		bp, err := build.ImportDir(dir, build.IgnoreVendor)
		if err != nil {
			return nil //nolint:nilerr // a folder without Go files
		}
		rel, err := filepath.Rel(root, dir)
		out = append(out, pkg{filepath.ToSlash(rel), dir, bp})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("only %d packages found: the walk is wrong", len(out))
	}
	return out
}

func TestImportGraph(t *testing.T) {
	for _, p := range packages(t) {
		may, ok := graph[p.name]
		if !ok && !helper(p.name) && len(p.GoFiles) > 0 {
			t.Errorf("package %s is not in the graph: add it there and to ARCHITECTURE.md", p.name)
		}
		for _, path := range p.Imports {
			to, ours := strings.CutPrefix(path, module)
			if ok && ours && !slices.Contains(strings.Fields(may), to) {
				t.Errorf("%s may not import %s", p.name, to)
			}
			if strings.Contains(path, "gopacket") && !strings.HasPrefix(p.name, "capture/") {
				t.Errorf("%s imports %s, which only capture/... may", p.name, path)
			}
			if strings.HasSuffix(path, "gopacket/reassembly") || strings.HasSuffix(path, "tcpassembly") {
				t.Errorf("%s imports %s, which registers global flags", p.name, path)
			}
		}
	}
}

func TestFlowIsStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if p.name != "flow" {
			continue
		}
		for _, path := range p.Imports {
			if strings.Contains(path, ".") {
				t.Errorf("flow imports %s", path)
			}
		}
	}
}

func TestCoreIsSynchronous(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		if !slices.Contains(core, p.name) {
			continue
		}
		found++
		for _, f := range p.GoFiles {
			checkFile(t, filepath.Join(p.dir, f))
		}
	}
	if found != len(core) {
		t.Errorf("%d packages of the core found, want %d", found, len(core))
	}
}

func checkFile(t *testing.T, path string) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if n != nil {
			if what := offence(n); what != "" {
				t.Errorf("%s: %s in the core", fset.Position(n.Pos()), what)
			}
		}
		return true
	})
}

// offence is what is wrong with a node in the core, "" if nothing.
func offence(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "goroutine"
	case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
		return "channel"
	case *ast.ImportSpec:
		if path, _ := strconv.Unquote(n.Path.Value); slices.Contains(forbidden, path) {
			return "import of " + path
		}
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	case *ast.CallExpr:
		if x, ok := n.Fun.(*ast.Ident); ok && (x.Name == "print" || x.Name == "println" || x.Name == "panic") {
			return x.Name
		}
	case *ast.FuncDecl:
		if n.Recv == nil && n.Name.Name == "init" {
			return "init function"
		}
	}
	return ""
}

// TestOffences keeps the test above from passing because it sees nothing.
func TestOffences(t *testing.T) {
	for want, src := range map[string]string{
		"goroutine":      "func f() { go f() }",
		"channel":        "func f(c chan int) {}",
		"import of os":   `import "os"`,
		"time.Now":       "func f() { time.Now() }",
		"init function":  "func init() {}",
		"panic":          `func f() { panic("") }`,
		"import of sync": `import "sync"`,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil && offence(n) != "" {
				got = append(got, offence(n))
			}
			return true
		})
		if !slices.Contains(got, want) {
			t.Errorf("%s: got %v, want %q", src, got, want)
		}
	}
}
