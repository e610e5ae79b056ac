{{/*
Seconds of a length of time as people write it: 400d, 1h30m, "2 weeks". Every unit is known by its first letter; the policy has
no months, and `y` is Prometheus' 365 days. What is no length of time was refused before.
*/}}
{{- define "jupyterhub-quota.seconds" -}}
{{- $units := dict "s" 1 "m" 60 "h" 3600 "d" 86400 "w" 604800 "y" 31536000 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll `[0-9.]+\s*[a-zA-Z]+` (toString .) -1 -}}
{{- $unit := regexFind `[a-zA-Z]` . | lower -}}
{{- $sum = addf $sum (mulf (regexFind `[0-9.]+` . | float64) (get $units $unit)) -}}
{{- end -}}
{{- $sum -}}
{{- end }}

{{/* Bytes of a size as Kubernetes writes it. */}}
{{- define "jupyterhub-quota.bytes" -}}
{{- $units := dict "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mul (regexFind `^[0-9]+` . | int64) (get $units (regexFind `[A-Za-z]+$` .)) -}}
{{- end }}

{{/* A number of seconds in words. */}}
{{- define "jupyterhub-quota.days" -}}
{{- $seconds := float64 . -}}
{{- if ge $seconds 172800.0 -}}{{ round (divf $seconds 86400) 1 }} days{{- else -}}{{ round (divf $seconds 3600) 1 }} hours{{- end -}}
{{- end }}
