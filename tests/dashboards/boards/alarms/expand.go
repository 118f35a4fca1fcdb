// Templates as Grafana expands them, with Go's own engine: annotations of rules (ngalert/state/template: the three
// variables, missing keys invalid, Prometheus' functions) and messages (Alertmanager: missing keys zero).
//
//	cases as JSON on stdin ─► texts as JSON on stdout
package main

import (
	"encoding/json"
	"math"
	"os"
	"regexp"
	"strings"
	"text/template"
)

type value struct {
	Labels map[string]string
	Value  float64
}

type alert struct {
	Labels, Annotations map[string]string
}

type given struct {
	Annotation string
	Labels     map[string]string
	Values     map[string]*float64 // null: a query that found nothing
	Message    string              // a template of messages, and its name
	Name       string
	Firing     []alert
	Resolved   []alert
}

func functions() template.FuncMap {
	return template.FuncMap{
		"reReplaceAll": func(pattern, to, text string) string {
			return regexp.MustCompile(pattern).ReplaceAllString(text, to)
		},
		"externalURL": func() string { return "http://localhost:3000/" },
	}
}

func annotation(one given) string {
	values := map[string]value{}
	for name, number := range one.Values {
		if number == nil {
			values[name] = value{one.Labels, math.NaN()}
		} else {
			values[name] = value{one.Labels, *number}
		}
	}
	head := "{{- $labels := .Labels -}}{{- $values := .Values -}}{{- $value := .Value -}}"
	made := template.Must(template.New("").Funcs(functions()).Option("missingkey=invalid").Parse(head + one.Annotation))
	data := struct {
		Labels map[string]string
		Values map[string]value
		Value  string
	}{one.Labels, values, ""}
	out := strings.Builder{}
	if err := made.Execute(&out, data); err != nil {
		panic(err)
	}
	return strings.ReplaceAll(out.String(), "<no value>", "[no value]")
}

func message(one given) string {
	made := template.Must(template.New("").Funcs(functions()).Option("missingkey=zero").Parse(one.Message))
	data := struct{ Alerts struct{ Firing, Resolved []alert } }{}
	data.Alerts.Firing, data.Alerts.Resolved = one.Firing, one.Resolved
	out := strings.Builder{}
	if err := made.ExecuteTemplate(&out, one.Name, data); err != nil {
		panic(err)
	}
	return out.String()
}

func main() {
	var cases []given
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	texts := []string{}
	for _, one := range cases {
		if one.Message != "" {
			texts = append(texts, message(one))
		} else {
			texts = append(texts, annotation(one))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(texts); err != nil {
		panic(err)
	}
}
