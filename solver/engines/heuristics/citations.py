"""Where the heuristics come from."""

from __future__ import annotations

JOHNSON = "D. S. Johnson, Near-optimal bin packing algorithms, PhD thesis, MIT, 1973"
KOU = (
    "L. T. Kou and G. Markowsky, Multidimensional bin packing algorithms, "
    "IBM Journal of Research and Development 21(5), 1977, doi:10.1147/rd.215.0443"
)
LEINBERGER = (
    "W. Leinberger, G. Karypis and V. Kumar, Multi-capacity bin packing algorithms with applications to job "
    "scheduling under multiple constraints, ICPP 1999, doi:10.1109/ICPP.1999.797428"
)
PANIGRAHY = (
    "R. Panigrahy, K. Talwar, L. Uyeda and U. Wieder, Heuristics for vector bin packing, Microsoft Research, 2011"
)
BELOGLAZOV = (
    "A. Beloglazov and R. Buyya, Optimal online deterministic algorithms and adaptive heuristics for energy and "
    "performance efficient dynamic consolidation of virtual machines in cloud data centers, Concurrency and "
    "Computation: Practice and Experience 24(13), 2012, doi:10.1002/cpe.1867"
)
GRANDL = (
    "R. Grandl, G. Ananthanarayanan, S. Kandula, S. Rao and A. Akella, Multi-resource packing for cluster "
    "schedulers, SIGCOMM 2014, doi:10.1145/2619239.2626334"
)
GABAY = (
    "M. Gabay and S. Zaourar, Vector bin packing with heterogeneous bins: application to the machine "
    "reassignment problem, Annals of Operations Research 242, 2016, doi:10.1007/s10479-015-1973-7"
)
MOMMESSIN = (
    "C. Mommessin, T. Erlebach and N. V. Shakhlevich, Classification and evaluation of the algorithms for "
    "vector bin packing, Computers & Operations Research, 2025"
)
