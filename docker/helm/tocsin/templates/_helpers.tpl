{{- define "tocsin.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "tocsin" $name) -}}{{- $name = printf "%s-tocsin" $name -}}{{- end -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "tocsin.selector" -}}
app.kubernetes.io/name: tocsin
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "tocsin.labels" -}}
app.kubernetes.io/name: tocsin
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "tocsin.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The roles of the workers: all that no process of its own has. */}}
{{- define "tocsin.roles" -}}
watch{{ if not .Values.execute.enabled }},execute{{ end }}{{ if not .Values.respond.enabled }},respond{{ end }}
{{- end -}}

{{/* Whether the component of this role has a service account with permissions at the cluster. */}}
{{- define "tocsin.acts" -}}
{{- $executes := ternary "execute" "watch" .root.Values.execute.enabled -}}
{{- if and (eq .role $executes) .root.Values.rbac.kinds -}}true{{- end -}}
{{- end -}}

{{- define "tocsin.config" -}}
{{- $ours := dict "version" 1 "telemetry" (dict "host" "0.0.0.0" "port" 9108) "respond" (dict "listen" (printf "0.0.0.0:%v" .root.Values.respond.port)) -}}
{{- if eq .role "watch" -}}{{- $_ := set $ours "kafka" (dict "instance_id" "${TOCSIN_INSTANCE}") -}}{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .root.Values.config) (deepCopy (get .root.Values.configOf .role)) $ours) -}}
{{- end -}}

{{/* The specification of a pod. command: the arguments of `tocsin`. */}}
{{- define "tocsin.pod" -}}
{{- $values := get .root.Values .role -}}
{{- $roles := ternary (include "tocsin.roles" .root) .role (eq .role "watch") -}}
serviceAccountName: {{ include "tocsin.name" .root }}-{{ .role }}
automountServiceAccountToken: {{ eq (include "tocsin.acts" .) "true" }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "tocsin.selector" . | nindent 8 }}
containers:
  - name: {{ .role }}
    image: {{ include "tocsin.image" .root | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: {{ toJson .command }}
    {{- if eq .role "watch" }}
    env:
      - name: TOCSIN_INSTANCE
        valueFrom: {fieldRef: {fieldPath: metadata.name}}
    {{- end }}
    ports:
      - {name: metrics, containerPort: 9108}
      {{- if contains "respond" $roles }}
      - {name: page, containerPort: {{ .root.Values.respond.port }}}
      {{- end }}
    # A worker first restores its state: five minutes are allowed for that.
    startupProbe:
      httpGet: {path: /healthz, port: metrics}
      periodSeconds: 5
      timeoutSeconds: 3
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /healthz, port: metrics}
      periodSeconds: 10
      timeoutSeconds: 3
      failureThreshold: 6
    readinessProbe:
      httpGet: {path: /readyz, port: metrics}
      periodSeconds: 5
      timeoutSeconds: 3
      failureThreshold: 2
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    resources: {{- toYaml $values.resources | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/tocsin, readOnly: true}
      - {name: work, mountPath: /var/lib/tocsin}
      - {name: tmp, mountPath: /tmp}
      {{- range concat .root.Values.secrets.all (get .root.Values.secrets .role) }}
      - {name: {{ printf "secret-%s" . | quote }}, mountPath: {{ printf "/run/secrets/%s" . | quote }}, readOnly: true}
      {{- end }}
volumes:
  - name: config
    configMap: {name: {{ include "tocsin.name" .root }}-{{ .role }}}
  - name: work
    emptyDir: {sizeLimit: 1Gi}
  - name: tmp
    emptyDir: {sizeLimit: 1Gi}
  {{- range concat .root.Values.secrets.all (get .root.Values.secrets .role) }}
  - name: {{ printf "secret-%s" . | quote }}
    secret: {secretName: {{ . | quote }}, defaultMode: 0440}
  {{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
