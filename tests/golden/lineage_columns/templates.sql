-- case: ref, source, config, this
-- reads: stg_orders, crm.customers
-- direct: stg_orders.id > id identity
-- direct: crm.customers.name > name identity
-- decides: crm.customers.id join, stg_orders.at filter, stg_orders.customer join
{{ config(materialized='incremental') }}
SELECT o.id, c.name FROM {{ ref('stg_orders') }} o JOIN {{ source('crm', 'customers') }} c ON c.id = o.customer
{% if is_incremental() %} WHERE o.at > (SELECT max(at) FROM {{ this }}) {% endif %}

-- case: a loop over a list
-- reads: payments
-- direct: payments.id > id identity
-- direct: payments.kind > card_amount conditional
-- direct: payments.amount > card_amount aggregation
-- direct: payments.kind > cash_amount conditional
-- direct: payments.amount > cash_amount aggregation
-- decides: payments.id group
{% set kinds = ['card', 'cash'] %}
SELECT id, {% for kind in kinds %} sum(CASE WHEN kind = '{{ kind }}' THEN amount END) AS {{ kind }}_amount{% if not loop.last %},{% endif %} {% endfor %} FROM {{ ref('payments') }} GROUP BY id

-- case: a branch that is not taken names a table too
-- reads: a, b
-- direct: a.x > x identity
SELECT x FROM {% if var('new') %} {{ ref('a') }} {% else %} {{ ref('b') }} {% endif %}

-- case: macros
-- dialect: duckdb
-- reads: m, later
-- direct: m.a > key transformation
-- direct: m.b > key transformation
-- direct: m.c > c transformation
-- direct: m.* > * identity
SELECT {{ dbt_utils.generate_surrogate_key(['a', 'b']) }} AS key, CAST(c AS {{ dbt.type_string() }}) AS c, {{ dbt_utils.star(from=ref('m')) }} FROM {{ ref('m') }} -- depends_on: {{ ref('later') }}

-- case: a union that a macro writes
-- reads: a, b
-- direct: a.id > id identity
-- direct: b.id > id identity
WITH u AS ({{ dbt_utils.union_relations(relations=[ref('a'), ref('b')]) }}) SELECT id FROM u

-- case: text that is set before, and a raw block
-- reads: s
-- direct: s.id > id identity
-- direct: s.region > region identity
{% set extra %} , s.region {% endset %}{# SELECT * FROM nothing #}
SELECT s.id {{ extra }} FROM {{ ref('s') }} s

-- case: only a macro
-- reads: a, b
-- error: its syntax is not understood at line 1, column 1
{{ make_model(ref('a'), ref('b')) }}
