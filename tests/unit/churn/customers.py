"""Three customers in the form of the Telco file."""

from pathlib import Path

HEADER = (
    "customerID,gender,SeniorCitizen,Partner,Dependents,tenure,PhoneService,MultipleLines,"
    "InternetService,OnlineSecurity,OnlineBackup,DeviceProtection,TechSupport,StreamingTV,"
    "StreamingMovies,Contract,PaperlessBilling,PaymentMethod,MonthlyCharges,TotalCharges,Churn"
)
LINES = (
    "7590-VHVEG,Female,0,Yes,No,1,No,No phone service,DSL,No,Yes,No,No,No,No,Month-to-month,Yes,"
    "Electronic check,29.85,29.85,No",
    "3668-QPYBK,Male,1,No,No,2,Yes,No,Fiber optic,Yes,Yes,No,No,No,No,Month-to-month,Yes,"
    "Mailed check,53.85,108.15,Yes",
    "4472-LVYGI,Female,0,Yes,Yes,0,Yes,No,No,No internet service,No internet service,"
    "No internet service,No internet service,No internet service,No internet service,Two year,Yes,"
    "Bank transfer (automatic),52.55, ,No",
)


def telco_file(folder: Path, *, header: str = HEADER, lines: tuple[str, ...] = LINES) -> Path:
    """The file in `folder`."""
    path = folder / "telco.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path
