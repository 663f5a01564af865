{{- define "clockwork.name" -}}
{{- $own := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $own .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $own | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "clockwork.account" -}}
{{ .Values.serviceAccount.name | default (include "clockwork.name" .) }}
{{- end -}}

{{- define "clockwork.selector" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "clockwork.labels" -}}
{{ include "clockwork.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Not empty where paths lead to what asks for a token: everything but webhooks, which are signed by themselves. */}}
{{- define "clockwork.signs-in" -}}
{{- range . -}}
{{- if ne .path "/webhook" }}yes{{ end -}}
{{- end -}}
{{- end -}}

{{/* Refuses what nobody could use from outside: pages for whose sign-in no token is there, and a wall before all of it. */}}
{{- define "clockwork.reachable" -}}
{{- $values := .root.Values -}}
{{- if and (include "clockwork.signs-in" .paths) $values.settings (not (dig "api" "tokens" dict $values.settings)) -}}
{{- fail (printf "%s: more than /webhook is shown, and settings.api.tokens names no token to sign in with" .key) -}}
{{- end -}}
{{- if and $values.networkPolicy.enabled (not $values.networkPolicy.from) -}}
{{- fail (printf "%s: networkPolicy.from lets nobody in, so name the pods of the controller there" .key) -}}
{{- end -}}
{{- end -}}

{{- define "clockwork.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What is read: workloads, what they use, and what tells how they are. Ends in the rules that the values add. */}}
{{- define "clockwork.reads" -}}
- apiGroups: [""]
  resources:
    - configmaps
    - endpoints
    - events
    - limitranges
    - namespaces
    - persistentvolumeclaims
    - persistentvolumes
    - pods
    - pods/log
    - replicationcontrollers
    - resourcequotas
    {{- if .Values.rbac.secrets }}
    - secrets
    {{- end }}
    - serviceaccounts
    - services
  verbs: [get, list]
- apiGroups: [apps]
  resources: [controllerrevisions, daemonsets, deployments, replicasets, statefulsets]
  verbs: [get, list]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [get, list]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list]
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses, ingresses, networkpolicies]
  verbs: [get, list]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterrolebindings, clusterroles, rolebindings, roles]
  verbs: [get, list]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get, list]
- apiGroups: [scheduling.k8s.io]
  resources: [priorityclasses]
  verbs: [get, list]
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations]
  verbs: [get, list]
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get, list]
{{- range .Values.rbac.rules }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }}
  verbs: [get, list]
{{- end }}
{{- end -}}

{{- define "clockwork.writes" -}}
{{- $own := list
  (dict "apiGroups" (list "") "resources" (list "configmaps" "services" "persistentvolumeclaims"))
  (dict "apiGroups" (list "apps") "resources" (list "daemonsets" "deployments" "statefulsets"))
  (dict "apiGroups" (list "batch") "resources" (list "cronjobs" "jobs"))
  (dict "apiGroups" (list "autoscaling") "resources" (list "horizontalpodautoscalers"))
  (dict "apiGroups" (list "networking.k8s.io") "resources" (list "ingresses"))
  (dict "apiGroups" (list "policy") "resources" (list "poddisruptionbudgets")) -}}
{{- range .Values.apply.rules | default $own }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }}
  verbs: [create, patch, delete]
{{- end }}
{{- end -}}
