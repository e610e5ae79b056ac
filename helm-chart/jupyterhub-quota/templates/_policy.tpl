{{/*
What is wrong with the policy, as far as can be seen while rendering; one sentence in each line. The engine reads the whole policy in a
job before anything is installed. Structure was checked by the schema; here the texts, with what to write instead.
*/}}
{{- define "jupyterhub-quota.policyProblems" -}}
{{- $patterns := (.Files.Get "files/checks.json" | fromJson).policy -}}
{{- $policy := .Values.policy -}}
{{- if not (hasKey $policy "default") }}
policy.default: is missing: it says what counts for each resource that none of a user's groups names; write for example 'default: {memory: 20 GiB-hours, gpu: 0}', or 'default: unlimited' to only count at first
{{- end }}
{{- range $key := list "window" "tolerate" "minimum_runtime" "session" "grace" }}
{{- if hasKey $policy $key }}
{{- include "jupyterhub-quota.durationProblem" (list (printf "policy.%s" $key) (get $policy $key) $patterns.duration) }}
{{- end }}
{{- end }}
{{- range $index, $each := $policy.warn_before }}
{{- include "jupyterhub-quota.durationProblem" (list (printf "policy.warn_before[%d]" $index) $each $patterns.duration) }}
{{- end }}
{{- if and (hasKey $policy "brake") (not (regexMatch $patterns.brake (toString $policy.brake))) }}
policy.brake: '{{ $policy.brake }}' is no part of all servers; write for example '20%'
{{- end }}
{{- $allowances := dict -}}
{{- if hasKey $policy "default" }}{{ $_ := set $allowances "policy.default" $policy.default }}{{ end -}}
{{- range $group, $allowance := $policy.groups }}
{{- $_ := set $allowances (printf "policy.groups.%s" $group) $allowance }}
{{- if has $group (list "true" "false") }}
policy.groups.{{ $group }}: YAML took the name of a group for '{{ $group }}'; put it in quotes, for example "no" or "on"
{{- end }}
{{- end }}
{{- range $path, $allowance := $allowances }}
{{- if kindIs "string" $allowance }}
{{- if ne $allowance "unlimited" }}
{{ $path }}: '{{ $allowance }}' is no allowance; write 'unlimited', or limits by resource, for example {memory: 20 GiB-hours, gpu: 0}
{{- end }}
{{- else }}
{{- range $resource, $limits := $allowance }}
{{- $listed := kindIs "slice" $limits | ternary $limits (list $limits) }}
{{- range $index, $limit := $listed }}
{{- $at := kindIs "slice" $limits | ternary (printf "%s.%s[%d]" $path $resource $index) (printf "%s.%s" $path $resource) }}
{{- if kindIs "map" $limit }}
{{- include "jupyterhub-quota.amountProblem" (list (printf "%s.limit" $at) $limit.limit $resource $patterns) }}
{{- if hasKey $limit "window" }}
{{- include "jupyterhub-quota.durationProblem" (list (printf "%s.window" $at) $limit.window $patterns.duration) }}
{{- end }}
{{- else }}
{{- include "jupyterhub-quota.amountProblem" (list $at $limit $resource $patterns) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Takes: (list path value pattern) */}}
{{- define "jupyterhub-quota.durationProblem" -}}
{{- if not (regexMatch (index . 2) (toString (index . 1))) }}
{{ index . 0 }}: '{{ index . 1 }}' is no length of time; write for example '30d', '12h' or '10m'
{{- end }}
{{- end }}

{{/* Takes: (list path value resource patterns) */}}
{{- define "jupyterhub-quota.amountProblem" -}}
{{- $examples := dict "memory" "60 GiB-hours" "cpu" "90 core-hours" "gpu" "160 GPU-hours" -}}
{{- $resource := index . 2 -}}
{{- if not (regexMatch (get (index . 3) $resource) (toString (index . 1))) }}
{{ index . 0 }}: '{{ index . 1 }}' is no amount of {{ $resource }} and time; write for example '{{ get $examples $resource }}', '0' or 'unlimited'
{{- end }}
{{- end }}

{{/* The longest window of the policy, in seconds. */}}
{{- define "jupyterhub-quota.longestWindow" -}}
{{- $windows := list (.Values.policy.window | default "30d") -}}
{{- range concat (values (.Values.policy.groups | default dict)) (list .Values.policy.default) -}}
{{- if kindIs "map" . -}}
{{- range $limits := . -}}
{{- range $limit := kindIs "slice" $limits | ternary $limits (list $limits) -}}
{{- if kindIs "map" $limit -}}{{- with $limit.window -}}{{- $windows = append $windows . -}}{{- end -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $longest := 0.0 -}}
{{- range $windows -}}{{- $longest = maxf $longest (include "jupyterhub-quota.seconds" . | float64) -}}{{- end -}}
{{- $longest -}}
{{- end }}
