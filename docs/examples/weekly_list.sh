redwood estimate clinic.csv --column arm=patient --column step=week --column state=status --column action=visit \
    --states unwell,well --actions no,yes --order action-helps --workers workers.csv --out clinic.json --plot effects.png
redwood solve clinic.json --solver lagrangian --out plans
redwood act plans/clinic.policy clinic_today.csv --out list.csv
